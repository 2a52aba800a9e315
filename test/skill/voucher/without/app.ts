import express from 'express'
import pg from 'pg'
import { redeem } from './redeem.ts'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })

export const app = express()
app.use(express.json())

app.post('/v1/vouchers/:code/redeem', async (req, res) => {
  try {
    const { customerId } = res.locals
    const { status, body } = await redeem(pool, req.params.code, customerId, req.body.orderId)
    res.status(status).json(body)
  } catch (error) {
    console.error(error)
    res.status(500).json({ error: (error as Error).message })
  }
})
