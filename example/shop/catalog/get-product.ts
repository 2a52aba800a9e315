import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { GetProduct, GetStock } from './contract.ts'

export const getProduct = shop.handle(GetProduct, {
  allow: may('products:read'),
  async run({ input, tx, fail }) {
    const product = await tx.db
      .selectFrom('products')
      .selectAll()
      .where('id', '=', input.id)
      .executeTakeFirst()
    if (product === undefined) throw fail.productNotFound()
    return product
  },
})

export const getStock = shop.handle(GetStock, {
  allow: may('products:read'),
  async run({ input, tx, fail }) {
    const product = await tx.db
      .selectFrom('products')
      .select(['id', 'sku', 'stock'])
      .where('id', '=', input.id)
      .executeTakeFirst()
    if (product === undefined) throw fail.productNotFound()
    return product
  },
})
