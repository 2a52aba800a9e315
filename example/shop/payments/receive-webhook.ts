import { may } from '../../../src/operation/rule.ts'
import { signedBy } from '../../../src/operation/signed-request.ts'
import { type Services, shop } from '../shop.ts'
import { NoteProviderState, ProviderState, ReceiveWebhook } from './contract.ts'

/**
 * Signature and age were checked over the raw body, and the id of the message is the idempotency key
 * of this command: what comes twice is done once.
 */
export const receiveWebhook = shop.handle(ReceiveWebhook, {
  authenticate: signedBy<Services>({
    principal: 'payment-provider',
    permissions: ['payments:receive', 'payments:note', 'orders:note-payment'],
    keys: ({ payments }) => payments.webhookKeys,
  }),
  allow: may('payments:receive'),
  isolation: 'read committed',
  async run({ input, tx }) {
    if (!input.type.startsWith('payment.')) return { outcome: 'ignored' }
    const state = ProviderState.safeParse(input.data)
    // Of a kind that came later than this code: refused, it would be sent for days.
    if (!state.success) return { outcome: 'ignored' }
    return tx.call(NoteProviderState, { state: state.data, via: 'webhook' })
  },
})
