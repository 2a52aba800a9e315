import { sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { ListOrders } from './contract.ts'
import { seesAll } from './order.ts'

export const listOrders = shop.list(ListOrders, {
  allow: may('orders:read'),
  from: 'orders',
  where: ({ scope: { principal } }) =>
    seesAll(principal) ? undefined : sql`customer_id = ${principal.id}`,
})
