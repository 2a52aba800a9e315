import pg from 'pg'

export interface Db {
  query(sql: string): Promise<{ rowCount: number | null }>
}

/** The server that production runs; each test in a transaction that is rolled back. */
export async function inRollback(url: string, body: (db: Db) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('BEGIN')
    await body(client)
  } finally {
    await client.query('ROLLBACK')
    await client.end()
  }
}
