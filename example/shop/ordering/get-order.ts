import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { GetOrder } from './contract.ts'
import { seesAll, selectLines, selectOrder } from './order.ts'

export const getOrder = shop.handle(GetOrder, {
  allow: may('orders:read'),
  async run({ input, tx, scope, fail }) {
    const { principal } = scope
    const [order, lines] = await Promise.all([
      tx.maybeOne(selectOrder(input.id, principal.id, seesAll(principal))),
      tx.query(selectLines(input.id)),
    ])
    if (order === undefined) throw fail.orderNotFound()
    return { ...order, lines }
  },
})
