/**
 * What the provider does, apart from how it is asked: payments with an explicit way through their
 * states, each step once for each idempotency key, its reply kept and its webhook made in the same
 * transaction.
 *
 * States. authorized -> captured -> refunded, authorized -> voided; declined.
 */
import { z } from 'zod'
import type { Clock } from '../../../src/base/clock.ts'
import { sha256 } from '../../../src/base/digest.ts'
import { prefixedId, randomToken } from '../../../src/base/id.ts'
import type { Faults } from './faults.ts'
import type { ProviderPayment, ProviderStatus, ProviderStore, StoredReply } from './store.ts'

export const AuthorizeBody = z.object({
  reference: z.string().min(1).max(100),
  source: z.string().min(1).max(100),
  amount_minor: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  currency: z.string().regex(/^[A-Z]{3}$/),
})

export type Step = 'capture' | 'void' | 'refund'

/** Who asks, under which idempotency key, and as a part of which trace. */
export interface Asker {
  readonly account: string
  readonly key: string
  readonly traceparent: string | undefined
}

export interface ProviderReply {
  readonly status: number
  readonly body: unknown
}

const moves: Readonly<
  Record<Step, { readonly from: ProviderStatus; readonly to: ProviderStatus }>
> = {
  capture: { from: 'authorized', to: 'captured' },
  void: { from: 'authorized', to: 'voided' },
  refund: { from: 'captured', to: 'refunded' },
}

/** Any other source is good. */
const DECLINED_SOURCE = 'src_declined'

const paymentIds = prefixedId('pp')

export class Provider {
  readonly #store: ProviderStore
  readonly #faults: Faults
  readonly #clock: Clock

  constructor(store: ProviderStore, faults: Faults, clock: Clock) {
    this.#store = store
    this.#faults = faults
    this.#clock = clock
  }

  authorize(asker: Asker, body: z.infer<typeof AuthorizeBody>): StoredReply {
    const { account, key, traceparent } = asker
    return this.#once(account, key, ['authorize', body], () => {
      const status = body.source === DECLINED_SOURCE ? 'declined' : 'authorized'
      const own = { id: paymentIds.create(), account, key, status, version: 1 } as const
      const payment: ProviderPayment = { ...own, ...body }
      this.#store.insertPayment(payment)
      this.#tell(payment, traceparent)
      return { status: 201, body: shown(payment) }
    })
  }

  step({ account, key, traceparent }: Asker, step: Step, id: string): StoredReply {
    return this.#once(account, key, [step, id], () => {
      const payment = this.#store.payment(account, id)
      if (payment === undefined) return problem(404, 'no such payment')
      const { from, to } = moves[step]
      if (payment.status !== from) return problem(409, `a payment that is ${payment.status}`)
      const moved = this.#store.move(payment, to)
      if (to === 'captured') this.#store.book(moved, 'charge')
      if (to === 'refunded') this.#store.book(moved, 'refund')
      this.#tell(moved, traceparent)
      return { status: 200, body: shown(moved) }
    })
  }

  /** By the key it was authorized with: for whoever never saw the reply. */
  find(account: string, key: string): ProviderReply {
    const payment = this.#store.paymentByKey(account, key)
    return payment === undefined
      ? problem(404, 'no payment has this key')
      : { status: 200, body: shown(payment) }
  }

  #once(account: string, key: string, request: unknown, work: () => ProviderReply): StoredReply {
    const fingerprint = sha256(JSON.stringify(request)).toString('hex')
    return this.#store.transaction(() => {
      const earlier = this.#store.replyOf(account, key)
      if (earlier?.fingerprint === fingerprint) return earlier
      if (earlier !== undefined) return { ...stored(problem(422, 'the key is taken')), fingerprint }
      const reply = { ...stored(work()), fingerprint }
      this.#store.keepReply(account, key, reply)
      return reply
    })
  }

  /**
   * The webhook of a change; more than one, and late, where that was asked for. It goes on with the
   * trace of the request that made the change, as any HTTP call would (W3C Trace Context).
   */
  #tell(payment: ProviderPayment, traceparent: string | undefined): void {
    const { copies, delay_ms_max } = this.#faults.webhooks
    const nowMs = this.#clock.now()
    const timestamp = new Date(nowMs).toISOString()
    const type = `payment.${payment.status}`
    const body = JSON.stringify({ type, timestamp, data: shown(payment) })
    const id = `msg_${randomToken(18)}`
    for (let copy = 0; copy <= copies; copy++) {
      const lateMs = Math.floor((delay_ms_max * (sha256(`${id}${copy}`)[0] ?? 0)) / 255)
      const webhook = { id: `${id}#${copy}`, account: payment.account, body }
      this.#store.addWebhook({ ...webhook, traceparent: traceparent ?? null }, nowMs + lateMs)
    }
  }
}

function stored({ status, body }: ProviderReply): Omit<StoredReply, 'fingerprint'> {
  return { status, body: JSON.stringify(body) }
}

function problem(status: number, detail: string): ProviderReply {
  return { status, body: { detail } }
}

/** As replies and webhooks show it. */
function shown(payment: ProviderPayment): unknown {
  const { account: _account, source: _source, ...rest } = payment
  const charged = payment.status === 'captured' || payment.status === 'refunded'
  const { amount_minor } = payment
  return {
    ...rest,
    captured_minor: charged ? amount_minor : 0,
    refunded_minor: payment.status === 'refunded' ? amount_minor : 0,
  }
}
