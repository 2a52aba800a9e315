/** (i) Fastify + pg, named statements awaited one by one, READ COMMITTED, none of the guarantees. */
import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { TENANT } from './fixture.ts'
import { Refused, servePeer } from './peer-server.ts'

const pool = new Pool({
  connectionString: process.env.BENCH_URL,
  max: Number(process.env.BENCH_CONNECTIONS ?? 16),
})

const reserve = {
  name: 'reserve',
  text: `UPDATE peer.products SET stock = stock - $3
 WHERE tenant = $1 AND sku = $2 AND stock >= $3 RETURNING price_minor`,
}
const order = {
  name: 'order',
  text: `INSERT INTO peer.orders (tenant, id, customer_id, total_minor) VALUES ($1, $2, $3, $4)`,
}
const line = {
  name: 'line',
  text: `INSERT INTO peer.order_lines (tenant, order_id, line_no, sku, quantity, price_minor)
 VALUES ($1, $2, 1, $3, $4, $5)`,
}
const newest = {
  name: 'newest',
  text: `SELECT id, customer_id, total_minor, placed_at FROM peer.orders WHERE tenant = $1
 ORDER BY placed_at DESC, id DESC LIMIT $2`,
}
const after = {
  name: 'after',
  text: `SELECT id, customer_id, total_minor, placed_at FROM peer.orders
 WHERE tenant = $1 AND (placed_at, id) < ($3, $4) ORDER BY placed_at DESC, id DESC LIMIT $2`,
}

await servePeer({
  async place({ sku, quantity, customer }) {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      const reserved = await client.query({ ...reserve, values: [TENANT, sku, quantity] })
      if (reserved.rows.length === 0) throw new Refused(409, 'insufficient stock')
      const price = Number(reserved.rows[0].price_minor)
      const id = randomUUID()
      const total = price * quantity
      await client.query({ ...order, values: [TENANT, id, customer, total] })
      await client.query({ ...line, values: [TENANT, id, sku, quantity, price] })
      await client.query('COMMIT')
      return {
        id,
        customer_id: customer,
        total_minor: total,
        line: { sku, quantity, price_minor: price },
      }
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  },
  async page(limit, before) {
    const statement = before
      ? { ...after, values: [TENANT, limit, before.at, before.id] }
      : { ...newest, values: [TENANT, limit] }
    const { rows } = await pool.query(statement)
    const data = rows.map((row) => ({ ...row, total_minor: Number(row.total_minor) }))
    const last = data.at(-1)
    return { data, next: last && { at: last.placed_at, id: last.id } }
  },
})
