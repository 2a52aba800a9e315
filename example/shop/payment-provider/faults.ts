/** What goes wrong on demand, so that whoever depends on the provider can be seen to bear it. */
import { z } from 'zod'

/**
 * slow: answers after `delay_ms`. error: 500, nothing done. error-after: done, then 500. reset: the
 * connection is cut, nothing done. reset-after: done, then cut. silent-after: done, never answered.
 */
export const FaultKind = z.enum([
  'slow',
  'error',
  'error-after',
  'reset',
  'reset-after',
  'silent-after',
])
export type FaultKind = z.infer<typeof FaultKind>

export const Fault = z.object({
  kind: FaultKind,
  /** The next so many requests. */
  count: z.int().min(1).max(1_000).default(1),
  delay_ms: z.int().min(0).max(60_000).default(1_000),
  /** Of these steps only. */
  step: z.enum(['authorize', 'capture', 'void', 'refund', 'find']).optional(),
})
export type Fault = z.infer<typeof Fault>

/** Of the webhooks that are made from now on. */
export const WebhookFaults = z.object({
  /** Sent so many times more, with the same id. */
  copies: z.int().min(0).max(5).default(0),
  /** Held back by a time between 0 and this, each by another: so they come in another order. */
  delay_ms_max: z.int().min(0).max(60_000).default(0),
})
export type WebhookFaults = z.infer<typeof WebhookFaults>

interface Armed extends Fault {
  left: number
}

export class Faults {
  #armed: Armed[] = []
  webhooks: WebhookFaults = WebhookFaults.parse({})

  arm(fault: Fault): void {
    this.#armed.push({ ...fault, left: fault.count })
  }

  clear(): void {
    this.#armed = []
    this.webhooks = WebhookFaults.parse({})
  }

  /** The fault that the next request of this step meets, taken off. */
  take(step: string): Fault | undefined {
    const found = this.#armed.find((each) => each.step === undefined || each.step === step)
    if (found === undefined) return undefined
    found.left--
    if (found.left === 0) this.#armed = this.#armed.filter((each) => each !== found)
    return found
  }
}
