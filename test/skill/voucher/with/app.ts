import express from 'express'
import pg from 'pg'
import { redeem } from './redeem.ts'

const { DATABASE_URL } = process.env
if (!DATABASE_URL) throw new Error('DATABASE_URL is missing')

const pool = new pg.Pool({
  connectionString: DATABASE_URL,
  connectionTimeoutMillis: 3_000,
  statement_timeout: 5_000,
})

export const app = express()
app.use(express.json({ limit: '10kb' }))

app.post('/v1/vouchers/:code/redeem', async (req, res) => {
  const { orderId } = req.body ?? {}
  if (typeof orderId !== 'string')
    return res.status(422).json({ title: 'orderId must be a string' })
  const { customerId } = res.locals
  const { status, body } = await redeem(pool, req.params.code, customerId, orderId)
  return res.status(status).json(body)
})
