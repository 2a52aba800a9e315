import { shop } from '../shop.ts'

export { cancelOrder } from './cancel-order.ts'
export * from './contract.ts'
export { getOrder } from './get-order.ts'
export { listOrders } from './list-orders.ts'
export { placeOrder } from './place-order.ts'

export const module = shop.defineModule({
  name: 'ordering',
  migrations: new URL('./migrations/', import.meta.url),
})
