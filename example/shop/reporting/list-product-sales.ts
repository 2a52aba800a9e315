import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { ListProductSales } from './contract.ts'

export const listProductSales = shop.list(ListProductSales, {
  allow: may('reports:read'),
  from: 'product_sales',
  key: 'product_id',
})
