/** (iii) Fastify + Kysely, the same three statements, READ COMMITTED, none of the guarantees. */
import { randomUUID } from 'node:crypto'
import { type Generated, Kysely, PostgresDialect, sql } from 'kysely'
import { Pool } from 'pg'
import { TENANT } from './fixture.ts'
import { Refused, servePeer } from './peer-server.ts'

interface Tables {
  'peer.products': { tenant: string; sku: string; price_minor: string; stock: number }
  'peer.orders': {
    tenant: string
    id: string
    customer_id: string
    total_minor: number
    placed_at: Generated<Date>
  }
  'peer.order_lines': {
    tenant: string
    order_id: string
    line_no: number
    sku: string
    quantity: number
    price_minor: number
  }
}

const pool = new Pool({
  connectionString: process.env.BENCH_URL,
  max: Number(process.env.BENCH_CONNECTIONS ?? 16),
})
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })

await servePeer({
  place: ({ sku, quantity, customer }) =>
    db.transaction().execute(async (tx) => {
      const reserved = await tx
        .updateTable('peer.products')
        .set({ stock: sql`stock - ${quantity}` })
        .where('tenant', '=', TENANT)
        .where('sku', '=', sku)
        .where('stock', '>=', quantity)
        .returning('price_minor')
        .executeTakeFirst()
      if (reserved === undefined) throw new Refused(409, 'insufficient stock')
      const price = Number(reserved.price_minor)
      const id = randomUUID()
      const total = price * quantity
      await tx
        .insertInto('peer.orders')
        .values({ tenant: TENANT, id, customer_id: customer, total_minor: total })
        .execute()
      await tx
        .insertInto('peer.order_lines')
        .values({ tenant: TENANT, order_id: id, line_no: 1, sku, quantity, price_minor: price })
        .execute()
      return {
        id,
        customer_id: customer,
        total_minor: total,
        line: { sku, quantity, price_minor: price },
      }
    }),
})
