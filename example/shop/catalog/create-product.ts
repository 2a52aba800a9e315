import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { CreateProduct } from './contract.ts'

export const createProduct = shop.handle(CreateProduct, {
  allow: may('products:write'),
  async run({ input, tx }) {
    const product = { id: tx.id(), ...input }
    return tx.db.insertInto('products').values(product).returningAll().executeTakeFirstOrThrow()
  },
})
