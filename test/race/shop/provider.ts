/** The payment provider of the shop, as it must behave: each step is done once for its key. */
import type {
  PaymentProvider,
  PaymentState,
} from '../../../example/shop/payments/payment-provider-client.ts'
import { canReach, type PaymentStep } from '../../../example/shop/payments/payment-states.ts'
import type { CrashWorld } from '../../../src/prove/crash/crash.ts'

const AFTER: Readonly<Record<PaymentStep, PaymentState['status']>> = {
  authorize: 'authorized',
  capture: 'captured',
  void: 'voided',
  refund: 'refunded',
}

/** `before`: the payments that it has known from the start. */
export function providerIn(
  world: Pick<CrashWorld, 'call'>,
  before: readonly PaymentState[] = [],
): PaymentProvider {
  const known = (remembered: Map<string, unknown>, id: string) =>
    (remembered.get(id) as PaymentState | undefined) ??
    before.find(({ reference }) => reference === id)
  return {
    take: (_, step, { payment_id, amount_minor, currency }) =>
      world.call(step, (remembered) => {
        const now = known(remembered, payment_id)
        const status = AFTER[step]
        // Done before, or moved elsewhere by somebody else: it tells where the payment is.
        if (now !== undefined && !canReach(now.status, status)) return now
        const version = (now?.version ?? (step === 'authorize' ? 0 : 2)) + 1
        const id = now?.id ?? `pp_${payment_id}`
        const state = { id, reference: payment_id, status, amount_minor, currency, version }
        remembered.set(payment_id, state)
        return state
      }),
    find: (_, paymentId) => world.call('find', (remembered) => known(remembered, paymentId)),
    webhookKeys: [],
    close: () => {},
  }
}
