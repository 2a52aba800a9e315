import express from 'express'
import pg from 'pg'
import { isSigned, paymentSucceeded } from './payment.ts'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })

export const app = express()
app.use(express.json())

app.post('/webhooks/payments', async (req, res) => {
  const signature = req.header('X-Signature') ?? ''
  if (!isSigned(req.body, signature, process.env.WEBHOOK_SECRET ?? '')) {
    res.sendStatus(401)
    return
  }
  if (req.body.type === 'payment.succeeded') await paymentSucceeded(pool, req.body)
  res.sendStatus(200)
})
