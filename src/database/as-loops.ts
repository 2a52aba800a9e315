/**
 * How the loops reach their tables. They see every tenant's jobs and events and nothing of the
 * domain; the tenant setting is emptied, so that a tenant table would raise.
 */
import type { Pool } from './pool.ts'
import type { Rows, Statement } from './statement.ts'
import { BEGIN, COMMIT } from './transaction.ts'

/** A loop's statement touches some hundred rows by key; one that takes this long waits for somebody. */
const STATEMENT_TIMEOUT_MS = 15_000
/** Rows that a handler's closing batch holds are free within milliseconds. */
const LOCK_TIMEOUT_MS = 5_000

// Scans other than by index are off: a plan that was made while a queue was empty is kept, and would
// read the whole table once a backlog has grown. The few small tables without an index are read all
// the same, at an estimate so high that the server would compile the plan first: 120 ms each time.
const CONTEXT: Statement = {
  text: `SELECT set_config('role', 'holdfast_loops', true), set_config('holdfast.tenant', '', true),
 set_config('holdfast.actor', 'system', true), set_config('statement_timeout', $1, true),
 set_config('lock_timeout', $2, true), set_config('timezone', 'UTC', true),
 set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)`,
  values: [String(STATEMENT_TIMEOUT_MS), String(LOCK_TIMEOUT_MS)],
}
const PREFIX = [BEGIN['read committed'], CONTEXT]

/**
 * The statements as one transaction and one round trip, READ COMMITTED, as holdfast_loops. A lost
 * connection leaves the outcome open: every statement here must bear to be asked for again.
 */
export async function runAsLoops(pool: Pool, ...statements: readonly Statement[]): Promise<Rows[]> {
  const results = await pool.run([...PREFIX, ...statements, COMMIT])
  return results.slice(PREFIX.length, -1)
}

// For whoever looks for something in a whole history. The planner does not know what a bloom filter
// spares, and would read the table instead.
const LOOKING: Statement = {
  text: `SELECT set_config('role', 'holdfast_loops', true), set_config('holdfast.tenant', '', true),
 set_config('statement_timeout', $1, true), set_config('timezone', 'UTC', true),
 set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`,
  values: [String(STATEMENT_TIMEOUT_MS)],
}
const LOOK_PREFIX = [
  { text: 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY', values: [] },
  LOOKING,
]

/** Reads of one snapshot over all tenants, in one round trip. */
export async function lookAsLoops(
  pool: Pool,
  ...statements: readonly Statement[]
): Promise<Rows[]> {
  const results = await pool.run([...LOOK_PREFIX, ...statements, COMMIT])
  return results.slice(LOOK_PREFIX.length, -1)
}

// Without the scan setting the planner reads these tables, small as they are, from end to end, and a
// SERIALIZABLE transaction that has read a whole table collides with everyone who writes to it.
const ENTER: Statement = {
  text: `SELECT set_config('role', 'holdfast_loops', true), set_config('enable_seqscan', 'off', true)`,
  values: [],
}
const LEAVE: Statement = {
  text: `SELECT set_config('role', 'holdfast_app', true), set_config('enable_seqscan', 'on', true)`,
  values: [],
}

/** A fence for the closing batch of a handler, which runs as holdfast_app: there and back. */
export function fencedAsLoops(fence: Statement): readonly Statement[] {
  return [ENTER, fence, LEAVE]
}
