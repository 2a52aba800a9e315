/** (iv) Fastify + Drizzle, the same three statements, READ COMMITTED, none of the guarantees. */
import { randomUUID } from 'node:crypto'
import { and, eq, gte, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, integer, pgSchema, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { Pool } from 'pg'
import { TENANT } from './fixture.ts'
import { Refused, servePeer } from './peer-server.ts'

const peer = pgSchema('peer')
const products = peer.table('products', {
  tenantId: text('tenant').notNull(),
  sku: text('sku').notNull(),
  priceMinor: bigint('price_minor', { mode: 'number' }).notNull(),
  stock: bigint('stock', { mode: 'number' }).notNull(),
})
const orders = peer.table('orders', {
  tenantId: text('tenant').notNull(),
  id: uuid('id').notNull(),
  customerId: text('customer_id').notNull(),
  totalMinor: bigint('total_minor', { mode: 'number' }).notNull(),
  placedAt: timestamp('placed_at', { withTimezone: true }).defaultNow(),
})
const lines = peer.table('order_lines', {
  tenantId: text('tenant').notNull(),
  orderId: uuid('order_id').notNull(),
  lineNo: integer('line_no').notNull(),
  sku: text('sku').notNull(),
  quantity: integer('quantity').notNull(),
  priceMinor: bigint('price_minor', { mode: 'number' }).notNull(),
})

const db = drizzle(
  new Pool({
    connectionString: process.env.BENCH_URL,
    max: Number(process.env.BENCH_CONNECTIONS ?? 16),
  }),
)

await servePeer({
  place: ({ sku, quantity, customer }) =>
    db.transaction(async (tx) => {
      const [reserved] = await tx
        .update(products)
        .set({ stock: sql`${products.stock} - ${quantity}` })
        .where(
          and(eq(products.tenantId, TENANT), eq(products.sku, sku), gte(products.stock, quantity)),
        )
        .returning({ price: products.priceMinor })
      if (reserved === undefined) throw new Refused(409, 'insufficient stock')
      const { price } = reserved
      const id = randomUUID()
      const total = price * quantity
      await tx
        .insert(orders)
        .values({ tenantId: TENANT, id, customerId: customer, totalMinor: total })
      await tx
        .insert(lines)
        .values({ tenantId: TENANT, orderId: id, lineNo: 1, sku, quantity, priceMinor: price })
      return {
        id,
        customer_id: customer,
        total_minor: total,
        line: { sku, quantity, price_minor: price },
      }
    }),
})
