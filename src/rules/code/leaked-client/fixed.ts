import type { Pool } from 'pg'

export async function reserve(db: Pool, seat: string): Promise<void> {
  const client = await db.connect()
  try {
    await client.query('INSERT INTO seats (seat) VALUES ($1)', [seat])
  } finally {
    client.release()
  }
}
