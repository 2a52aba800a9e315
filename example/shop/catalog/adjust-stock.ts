import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { AdjustStock } from './contract.ts'

export const adjustStock = shop.handle(AdjustStock, {
  allow: may('products:write'),
  // One guarded statement: its CHECK decides on the newest version of the row.
  isolation: 'read committed',
  async run({ input, tx, fail }) {
    const product = await tx.db
      .updateTable('products')
      .set((row) => ({ stock: row('stock', '+', input.change) }))
      .where('id', '=', input.id)
      .returning(['id', 'sku', 'stock'])
      .executeTakeFirst()
    if (product === undefined) throw fail.productNotFound()
    return product
  },
})
