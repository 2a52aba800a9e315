import { shop } from '../shop.ts'
import { paymentProvider, providerSettings } from './payment-provider-client.ts'

export { advancePayment, followUp, reconcilePayment } from './advance-payment.ts'
export * from './contract.ts'
export { findPayment, getPayment, getPaymentTotals } from './get-payment.ts'
export { noteProviderState } from './note-provider-state.ts'
export { payOrder } from './pay-order.ts'
export { receiveWebhook } from './receive-webhook.ts'
export { releaseCancelled } from './release-cancelled.ts'

export const module = shop.defineModule({
  name: 'payments',
  migrations: new URL('./migrations/', import.meta.url),
  services: {
    payments: {
      start: () => paymentProvider(providerSettings(process.env)),
      stop: (payments) => payments.close(),
    },
  },
})
