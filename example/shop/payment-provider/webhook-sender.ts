/** Sends what waits in the store until somebody says 2xx: at least once, signed for each attempt. */

import { signWebhook, webhookSecret } from '../../../src/access/signature/standard-webhooks.ts'
import { backoffMs } from '../../../src/base/backoff.ts'
import { type Clock, pause } from '../../../src/base/clock.ts'
import { traceContext } from '../../../src/runtime/trace-context.ts'
import type { ProviderStore, WebhookRow } from './store.ts'

export interface WebhookTarget {
  readonly url: string
  /** `whsec_...` */
  readonly secret: string
}

const POLL_MS = 50
const SENT_AT_ONCE = 8
const TIMEOUT_MS = 5_000
const BACKOFF = { baseMs: 100, capMs: 10_000 }
/** Hours of attempts; whoever was away for longer asks for what it missed. */
const ATTEMPTS_MAX = 1_000

export class WebhookSender {
  readonly #store: ProviderStore
  readonly #clock: Clock
  readonly #targetOf: (account: string) => WebhookTarget | undefined
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(
    store: ProviderStore,
    clock: Clock,
    targetOf: (account: string) => WebhookTarget | undefined,
  ) {
    this.#store = store
    this.#clock = clock
    this.#targetOf = targetOf
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const due = this.#store.dueWebhooks(this.#clock.now(), SENT_AT_ONCE)
      await Promise.all(due.map((row) => this.#send(row)))
      if (due.length === 0) await pause(this.#clock, POLL_MS, signal)
    }
  }

  async #send(row: WebhookRow): Promise<void> {
    const target = this.#targetOf(row.account)
    const taken = target !== undefined && (await this.#post(row, target))
    if (taken || row.attempts >= ATTEMPTS_MAX) this.#store.removeWebhook(row.id)
    else {
      const delayMs = POLL_MS + backoffMs(BACKOFF, row.attempts)
      this.#store.postponeWebhook(row.id, this.#clock.now() + delayMs)
    }
  }

  async #post(row: WebhookRow, { url, secret }: WebhookTarget): Promise<boolean> {
    const { id, body, traceparent } = row
    const timestampS = Math.floor(this.#clock.now() / 1000)
    const message = { id: id.slice(0, id.indexOf('#')), timestampS, body }
    const headers = signWebhook(message, [webhookSecret(secret)])
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          ...headers,
          'content-type': 'application/json',
          // A span of its own for each attempt.
          ...(traceparent !== null && { traceparent: traceContext(traceparent).traceparent }),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }
}
