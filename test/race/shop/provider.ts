/** The payment provider of the shop, as it must behave: each step is done once for its key. */
import type {
  PaymentProvider,
  PaymentState,
} from '../../../example/shop/payments/payment-provider-client.ts'
import type { PaymentStep } from '../../../example/shop/payments/payment-states.ts'
import type { CrashWorld } from '../../../src/prove/crash/crash.ts'

const AFTER: Readonly<Record<PaymentStep, PaymentState['status']>> = {
  authorize: 'authorized',
  capture: 'captured',
  void: 'voided',
  refund: 'refunded',
}

export function providerIn(world: Pick<CrashWorld, 'call'>): PaymentProvider {
  return {
    take: (_, step, { payment_id, amount_minor, currency }) =>
      world.call(step, (remembered) => {
        const known = remembered.get(payment_id) as PaymentState | undefined
        const status = AFTER[step]
        // A payment that was made before the program began is known by what is asked of it.
        if (known?.status === status || (known && step === 'authorize')) return known
        const version = (known?.version ?? (step === 'authorize' ? 0 : 2)) + 1
        const id = `pp_${payment_id}`
        const state = { id, reference: payment_id, status, amount_minor, currency, version }
        remembered.set(payment_id, state)
        return state
      }),
    find: (_, paymentId) =>
      world.call('find', (remembered) => remembered.get(paymentId) as PaymentState | undefined),
    webhookKeys: [],
    close: () => {},
  }
}
