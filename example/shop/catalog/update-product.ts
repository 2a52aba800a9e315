import { sql } from 'kysely'
import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { UpdateProduct } from './contract.ts'

export const updateProduct = shop.handle(UpdateProduct, {
  allow: may('products:write'),
  async run({ input, tx, fail, ifMatch }) {
    const { id, ...changes } = input
    const changed = await tx.db
      .updateTable('products')
      .set({ ...changes, version: sql`version + 1`, updated_at: sql`now()` })
      .where('id', '=', id)
      .$if(ifMatch !== '*', (update) => update.where('version', '=', versionOf(ifMatch)))
      .returningAll()
      .executeTakeFirst()
    if (changed !== undefined) return changed
    const present = await tx.db
      .selectFrom('products')
      .select('id')
      .where('id', '=', id)
      .executeTakeFirst()
    throw present === undefined ? fail.productNotFound() : fail.productChanged()
  },
})

/** No row has version 0: what is no version of ours matches none. */
function versionOf(tag: string | undefined): number {
  return tag !== undefined && /^[1-9]\d{0,8}$/.test(tag) ? Number(tag) : 0
}
