import { z } from 'zod'
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
