import { createHash } from 'node:crypto'
import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../transaction.ts'

interface Reply {
  readonly status: number
  readonly body: string
}

type Work = (tx: PoolClient) => Promise<Reply>

/** Key, work and reply commit together; the fingerprint pins the key to one request. */
export async function once(db: Pool, key: string, work: Work, request = ''): Promise<Reply> {
  const fingerprint = createHash('sha256').update(request).digest('hex')
  return inTransaction(db, async (tx) => {
    const claim = await tx.query(
      `INSERT INTO replies (key, fingerprint) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING`,
      [key, fingerprint],
    )
    if (claim.rowCount === 0) return replay(tx, key, fingerprint)
    const reply = await work(tx)
    await tx.query('UPDATE replies SET status = $2, body = $3 WHERE key = $1', [
      key,
      reply.status,
      reply.body,
    ])
    return reply
  })
}

async function replay(tx: PoolClient, key: string, fingerprint: string): Promise<Reply> {
  const { rows } = await tx.query('SELECT status, body, fingerprint FROM replies WHERE key = $1', [
    key,
  ])
  if (rows[0].fingerprint !== fingerprint) return { status: 422, body: 'key was used before' }
  return { status: rows[0].status, body: rows[0].body }
}
