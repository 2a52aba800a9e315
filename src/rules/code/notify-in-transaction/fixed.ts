import type { Pool } from 'pg'

/** Workers poll; one hint for all jobs of 50 ms goes out beside the transactions. */
export function createQueue(db: Pool) {
  let isHinting = false
  const hint = async () => {
    isHinting = false
    // A hint that is lost costs one interval of polling.
    await db.query("SELECT pg_notify('jobs', '')").catch(() => undefined)
  }
  return async function enqueue(payload: string): Promise<void> {
    await db.query('INSERT INTO jobs (payload) VALUES ($1)', [payload])
    if (!isHinting) setTimeout(hint, 50)
    isHinting = true
  }
}
