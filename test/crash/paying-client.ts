/**
 * A customer in the storm: places orders, pays for them, cancels some, and sends each request again,
 * with the same key, until it has an answer that counts.
 */

import { orderId } from '../../example/shop/shared/boundary-id.ts'
import { pause, systemClock } from '../../src/base/clock.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { ask, json, type Reply } from '../ask.ts'
import type { PaidOrder } from './payments-oracle.ts'

export interface PayingClientOptions {
  readonly api: string
  readonly apiKey: string
  readonly orders: number
  readonly seed: number
  /** Throws when it takes too long. */
  check(): void
}

interface Intent {
  readonly order: string
  readonly declined: boolean
  readonly cancelled: boolean
}

const RETRY_MS = 100
/** An answer that does not come: the process behind it was killed, or waits for one that was. */
const PATIENCE_MS = 5_000

export class PayingClient {
  readonly #options: PayingClientOptions
  readonly #random: SeededRandom
  readonly #intents: Intent[] = []
  retries = 0

  constructor(options: PayingClientOptions) {
    this.#options = options
    this.#random = new SeededRandom(options.seed)
  }

  async run(): Promise<void> {
    for (let index = 0; index < this.#options.orders; index++) await this.#buy(index)
  }

  async #buy(index: number): Promise<void> {
    const key = `${this.#options.seed}-${index}`
    const body = { lines: [{ sku: 'THING', quantity: this.#random.integer(1, 5) }] }
    const placed = await this.#send('POST /v1/orders', `${key}-order`, body, [201])
    const order = String(json(placed).id)
    const declined = this.#random.integer(1, 6) === 1
    const cancelled = this.#random.integer(1, 3) === 1
    const source = declined ? 'src_declined' : 'src_card'
    await this.#send(`POST /v1/orders/${order}/pay`, `${key}-pay`, { source }, [202])
    if (cancelled) {
      await pause(systemClock, this.#random.integer(0, 300))
      await this.#send(`POST /v1/orders/${order}/cancel`, `${key}-cancel`, undefined, [200])
    }
    this.#intents.push({ order, declined, cancelled })
  }

  async #send(
    what: string,
    idempotencyKey: string,
    body: unknown,
    final: readonly number[],
  ): Promise<Reply> {
    const { api, apiKey } = this.#options
    for (;;) {
      this.#options.check()
      const signal = AbortSignal.timeout(PATIENCE_MS)
      const reply = await ask(api, what, { apiKey, idempotencyKey, body, signal }).catch(
        () => undefined,
      )
      if (reply !== undefined && final.includes(reply.status)) return reply
      if (reply !== undefined && reply.status < 500 && reply.status !== 409) {
        throw new Error(`${what}: ${reply.status} ${reply.text}`)
      }
      this.retries++
      await pause(systemClock, RETRY_MS)
    }
  }

  /** What this customer was promised, against what became of it. */
  violations(payments: readonly PaidOrder[]): string[] {
    return this.#intents.flatMap(({ order, declined, cancelled }) => {
      const uuid = orderId.ids.decode(order)
      const mine = payments.filter(({ order_id }) => order_id === uuid)
      const [{ status } = { status: 'missing' }] = mine
      const fine = declined ? ['declined'] : cancelled ? ['voided', 'refunded'] : ['captured']
      return mine.length === 1 && fine.includes(status)
        ? []
        : [`${order}: ${mine.length} payments, ${status}`]
    })
  }
}
