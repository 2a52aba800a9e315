import { shop } from '../shop.ts'

export * from './contract.ts'
export { createShipment } from './create-shipment.ts'
export { moveShipment } from './move-shipment.ts'
export { getShipment, listShipments } from './read-shipments.ts'

export const module = shop.defineModule({
  name: 'shipping',
  migrations: new URL('./migrations/', import.meta.url),
})
