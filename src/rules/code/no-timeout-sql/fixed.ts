import pg from 'pg'

/** Three waits, three bounds: for a connection, for a lock, for the statement. */
export function openPool(connectionString: string): pg.Pool {
  return new pg.Pool({
    connectionString,
    max: 2,
    connectionTimeoutMillis: 500,
    lock_timeout: 300,
    statement_timeout: 3_000,
  })
}
