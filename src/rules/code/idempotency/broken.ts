import type { Pool } from 'pg'

interface Reply {
  readonly status: number
  readonly body: string
}

export async function once(db: Pool, key: string, work: () => Promise<Reply>): Promise<Reply> {
  const stored = await db.query('SELECT status, body FROM replies WHERE key = $1', [key])
  if (stored.rows[0] !== undefined) return stored.rows[0]
  const reply = await work()
  await db.query('INSERT INTO replies (key, status, body) VALUES ($1, $2, $3)', [
    key,
    reply.status,
    reply.body,
  ])
  return reply
}
