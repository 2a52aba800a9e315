/** All SQL about quotas. It runs as `holdfast_loops`, outside any transaction of an operation. */
import { type Context, contextStatement } from '../../database/context.ts'
import type { Pool } from '../../database/pool.ts'
import { sql } from '../../database/sql.ts'
import type { Statement } from '../../database/statement.ts'
import type { Grant } from './gcra.ts'
import type { LeaseRequest } from './leaser.ts'

/** Nobody waits as long, but what is sent must end. */
const TIMEOUT_MS = 2_000

const context: Context = {
  role: 'holdfast_loops',
  tenant: '',
  actor: 'quota',
  remainingMs: TIMEOUT_MS,
  lockTimeoutMs: TIMEOUT_MS,
  purpose: 'write',
}
/** Whatever the server's default is: a row that another process has just changed is no conflict. */
const begin: Statement = { text: 'BEGIN ISOLATION LEVEL READ COMMITTED', values: [] }
const commit: Statement = { text: 'COMMIT', values: [] }

/** One statement for all requests. Not repeated when a connection is lost: it is not idempotent. */
export async function leaseFrom(
  pool: Pool,
  requests: readonly LeaseRequest[],
): Promise<readonly Grant[]> {
  const results = await pool.run([
    begin,
    contextStatement(context),
    leaseStatement(requests),
    commit,
  ])
  const rows = (results[2]?.rows ?? []) as unknown as GrantRow[]
  return rows.map((row) => ({ granted: row.granted, tatMs: row.tat_ms, nowMs: row.now_ms }))
}

interface GrantRow {
  readonly granted: number
  readonly tat_ms: number
  readonly now_ms: number
}

function leaseStatement(requests: readonly LeaseRequest[]): Statement {
  const column = (value: (request: LeaseRequest) => unknown) => requests.map(value)
  return sql`SELECT granted, tat_ms, now_ms FROM holdfast.lease_quotas(
    ${column(({ account }) => account.policy.name)}, ${column(({ account }) => account.subject)},
    ${column(({ account }) => account.policy.rate.intervalMs)},
    ${column(({ account }) => account.policy.rate.burst)},
    ${column(({ ask }) => ask.debt)}, ${column(({ ask }) => ask.need)},
    ${column(({ ask }) => ask.ahead)})`.bounded(requests.length)
}

/** Rows of full buckets, which say nothing that a missing row would not. */
export async function deleteFull(pool: Pool, rowsMax: number): Promise<number> {
  const statement = sql`
    DELETE FROM holdfast.quotas WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM holdfast.quotas
      WHERE tat_ms < extract(epoch FROM clock_timestamp())::float8 * 1000
      LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED))`
  const results = await pool.run([begin, contextStatement(context), statement, commit])
  return results[2]?.rowCount ?? 0
}
