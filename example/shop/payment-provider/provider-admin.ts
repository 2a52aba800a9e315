/** The admin side of a provider that runs, wherever it does. */
import type { z } from 'zod'
import type { Fault, WebhookFaults } from './faults.ts'
import type { LedgerEntry, ProviderPayment } from './store.ts'

export interface ProviderState {
  readonly payments: readonly ProviderPayment[]
  readonly ledger: readonly LedgerEntry[]
  readonly webhooks_waiting: number
}

export class ProviderAdmin {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Where the webhooks of all accounts go. */
  async sendWebhooksTo(url: string): Promise<void> {
    await this.#ask('POST', 'endpoint', { url })
  }

  async fail(fault: z.input<typeof Fault>): Promise<void> {
    await this.#ask('POST', 'faults', fault)
  }

  async webhooks(faults: z.input<typeof WebhookFaults>): Promise<void> {
    await this.#ask('POST', 'webhooks', faults)
  }

  /** No fault is left, and what was held back goes out. */
  async clear(): Promise<void> {
    await this.#ask('POST', 'clear', {})
  }

  async state(): Promise<ProviderState> {
    return (await this.#ask('GET', 'state')) as ProviderState
  }

  async #ask(method: string, what: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#url}/admin/${what}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (response.ok) return response.json()
    throw new Error(`${what}: ${response.status} ${await response.text()}`)
  }
}
