import { shop } from '../shop.ts'

export { beginPayment, notePayment } from './begin-payment.ts'
export { cancelOrder } from './cancel-order.ts'
export * from './contract.ts'
export { getOrder } from './get-order.ts'
export { listOrders } from './list-orders.ts'
export { placeOrder } from './place-order.ts'
export { releaseOrder } from './release-order.ts'
export { shipOrder } from './ship-order.ts'

export const module = shop.defineModule({
  name: 'ordering',
  migrations: new URL('./migrations/', import.meta.url),
})
