/** (ii) The same, with key table, outbox, job and audit inserts added the usual way. */
import { createHash, randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { TENANT } from './fixture.ts'
import { Refused, servePeer } from './peer-server.ts'

const pool = new Pool({
  connectionString: process.env.BENCH_URL,
  max: Number(process.env.BENCH_CONNECTIONS ?? 16),
})

const statements = {
  seek: `SELECT fingerprint, status, body FROM peer.idempotency_keys WHERE tenant = $1 AND key = $2`,
  claim: `INSERT INTO peer.idempotency_keys (tenant, key, fingerprint) VALUES ($1, $2, $3)`,
  reserve: `UPDATE peer.products SET stock = stock - $3
 WHERE tenant = $1 AND sku = $2 AND stock >= $3 RETURNING price_minor`,
  order: `INSERT INTO peer.orders (tenant, id, customer_id, total_minor) VALUES ($1, $2, $3, $4)`,
  line: `INSERT INTO peer.order_lines (tenant, order_id, line_no, sku, quantity, price_minor)
 VALUES ($1, $2, 1, $3, $4, $5)`,
  audit: `INSERT INTO peer.audit (id, tenant, actor, operation, request_id) VALUES ($1, $2, $3, $4, $5)`,
  event: `INSERT INTO peer.outbox (tenant, name, payload) VALUES ($1, $2, $3)`,
  job: `INSERT INTO peer.jobs (id, tenant, name, payload) VALUES ($1, $2, $3, $4)`,
  reply: `UPDATE peer.idempotency_keys SET status = $3, body = $4 WHERE tenant = $1 AND key = $2`,
} as const

await servePeer({
  async place({ sku, quantity, customer, key, requestId }) {
    const client = await pool.connect()
    const run = (name: keyof typeof statements, values: unknown[]) =>
      client.query({ name, text: statements[name], values })
    const fingerprint = createHash('sha256').update(`${sku}/${quantity}`).digest('hex')
    try {
      await client.query('BEGIN')
      await client.query({
        name: 'context',
        text: `SELECT set_config('app.tenant', $1, true), set_config('statement_timeout', $2, true)`,
        values: [TENANT, '10000'],
      })
      const seen = await run('seek', [TENANT, key])
      if (seen.rows.length > 0) throw new Refused(409, 'seen')
      await run('claim', [TENANT, key, fingerprint])
      const reserved = await run('reserve', [TENANT, sku, quantity])
      if (reserved.rows.length === 0) throw new Refused(409, 'insufficient stock')
      const price = Number(reserved.rows[0].price_minor)
      const id = randomUUID()
      const total = price * quantity
      await run('order', [TENANT, id, customer, total])
      await run('line', [TENANT, id, sku, quantity, price])
      await run('audit', [randomUUID(), TENANT, customer, 'place-order', requestId])
      await run('event', [TENANT, 'order-placed', JSON.stringify({ order_id: id })])
      await run('job', [
        randomUUID(),
        TENANT,
        'send-confirmation',
        JSON.stringify({ order_id: id }),
      ])
      const reply = {
        id,
        customer_id: customer,
        total_minor: total,
        line: { sku, quantity, price_minor: price },
      }
      await run('reply', [TENANT, key, 201, JSON.stringify(reply)])
      await client.query('COMMIT')
      return reply
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  },
})
