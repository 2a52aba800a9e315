import { shop } from '../shop.ts'

export * from './contract.ts'
export { countCancelled, countPlaced } from './count-sales.ts'
export { buildDailySales, getDailySales, writeDailySales } from './daily-sales.ts'
export * from './daily-sales-contract.ts'
export { listProductSales } from './list-product-sales.ts'

export const module = shop.defineModule({
  name: 'reporting',
  migrations: new URL('./migrations/', import.meta.url),
})
