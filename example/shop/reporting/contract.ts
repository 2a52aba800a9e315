import { z } from 'zod'
import { defineList } from '../../../src/operation/list-contract.ts'
import { productId } from '../shared/boundary-id.ts'

/** What a product has sold, net of cancellations. */
export const ProductSales = z.object({
  product_id: productId.output,
  sku: z.string(),
  currency: z.string(),
  orders_count: z.int(),
  units: z.int(),
  revenue_minor: z.int(),
  updated_at: z.iso.datetime(),
})

export const ListProductSales = defineList({
  name: 'reporting.list-product-sales',
  http: 'GET /v1/reports/product-sales',
  summary: 'What each product has sold, best sellers first',
  item: ProductSales,
  sort: ['units desc', 'units asc'],
})
