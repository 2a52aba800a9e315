import pg from 'pg'

/** Whoever holds locks and does nothing is ended by the server, whatever became of its client. */
export function openPool(connectionString: string): pg.Pool {
  return new pg.Pool({
    connectionString,
    max: 10,
    statement_timeout: 10_000,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 5_000,
  })
}
