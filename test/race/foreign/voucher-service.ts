/** A service as it is written everywhere: Express and a pool of pg. It knows nothing of Holdfast. */
import express, { type Express } from 'express'
import type pg from 'pg'

export const voucherTables = `
  CREATE TABLE vouchers (code text PRIMARY KEY, uses_left int NOT NULL);
  CREATE TABLE redemptions (
    id bigserial PRIMARY KEY, code text NOT NULL REFERENCES vouchers, customer text NOT NULL,
    redeemed_at timestamptz NOT NULL DEFAULT now()
  );
`

export function voucherService(pool: pg.Pool, isFixed = false): Express {
  const app = express()
  app.use(express.json())
  app.post('/vouchers/:code/redemptions', async (request, response) => {
    const { code } = request.params
    const redeem = isFixed ? redeemOnce : redeemChecked
    const redemption = await inTransaction(pool, (client) =>
      redeem(client, code, request.body.customer),
    )
    if (redemption === undefined) response.status(409).json({ error: 'used up' })
    else response.status(201).json({ redemption })
  })
  return app
}

async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

type Redeem = (client: pg.PoolClient, code: string, customer: string) => Promise<string | undefined>

/** In a transaction, and wrong: at READ COMMITTED two requests read the same number. */
const redeemChecked: Redeem = async (client, code, customer) => {
  const { rows } = await client.query('SELECT uses_left FROM vouchers WHERE code = $1', [code])
  const left = rows[0]?.uses_left ?? 0
  if (left === 0) return undefined
  await client.query('UPDATE vouchers SET uses_left = $2 WHERE code = $1', [code, left - 1])
  return insertRedemption(client, code, customer)
}

const redeemOnce: Redeem = async (client, code, customer) => {
  const { rowCount } = await client.query(
    'UPDATE vouchers SET uses_left = uses_left - 1 WHERE code = $1 AND uses_left > 0',
    [code],
  )
  return rowCount === 0 ? undefined : insertRedemption(client, code, customer)
}

const insertRedemption = async (client: pg.PoolClient, code: string, customer: string) => {
  const { rows } = await client.query(
    'INSERT INTO redemptions (code, customer) VALUES ($1, $2) RETURNING id',
    [code, customer],
  )
  return rows[0].id as string
}
