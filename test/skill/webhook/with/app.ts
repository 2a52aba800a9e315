import express from 'express'
import pg from 'pg'
import { isSigned, paymentSucceeded } from './payment.ts'

const { DATABASE_URL, WEBHOOK_SECRET } = process.env
if (!DATABASE_URL || !WEBHOOK_SECRET) throw new Error('DATABASE_URL and WEBHOOK_SECRET are needed')

const pool = new pg.Pool({
  connectionString: DATABASE_URL,
  connectionTimeoutMillis: 3_000,
  statement_timeout: 5_000,
})

export const app = express()

const bytes = express.raw({ type: '*/*', limit: '100kb' })

app.post('/webhooks/payments', bytes, async (req, res) => {
  const signature = req.header('X-Signature') ?? ''
  if (!isSigned(req.body, signature, WEBHOOK_SECRET)) return res.sendStatus(401)
  const event = JSON.parse(req.body.toString('utf8'))
  if (event.type === 'payment.succeeded') await paymentSucceeded(pool, event)
  return res.sendStatus(200)
})
