/**
 * How the server would go about statements whose values are not known: their generic plans, as the
 * role that operations have. Nothing runs: it is EXPLAIN alone, in a transaction that cannot write.
 */

import type { Connection } from './connection.ts'
import { contextStatement } from './context.ts'
import { Pool, rollback } from './pool.ts'
import { StatementError } from './sqlstate.ts'
import type { Row, Rows, Statement } from './statement.ts'

export interface QueryPlan {
  readonly sql: string
  /** As EXPLAIN writes it; empty where the server refused. */
  readonly lines: readonly string[]
  /** Tables that are read from end to end even where that is made dear: no index serves. */
  readonly scans: readonly string[]
  /** Why there is no plan. */
  readonly refused: string | undefined
}

/** Planning takes milliseconds; what takes this long waits for somebody's lock. */
const TIMEOUT_MS = 5_000
/** A policy asks for the tenant while it is planned; a generic plan is the same for all. */
const TENANT = 'explain'

const context: Statement = contextStatement({
  role: 'holdfast_app',
  tenant: TENANT,
  actor: TENANT,
  remainingMs: TIMEOUT_MS,
  lockTimeoutMs: TIMEOUT_MS,
  purpose: 'read',
})
const NAME = 'holdfast_plan'
const BEGIN = plain('BEGIN READ ONLY')
const GENERIC = plain(`SELECT set_config('plan_cache_mode', 'force_generic_plan', true)`)
const COUNT = plain(
  `SELECT cardinality(parameter_types) AS count FROM pg_prepared_statements WHERE name = '${NAME}'`,
)
const DEALLOCATE = plain(`DEALLOCATE ${NAME}`)
const NO_SCANS = plain(`SELECT set_config('enable_seqscan', 'off', true)`)

function plain(text: string): Statement {
  return { text, values: [] }
}

/** In the order of `sqls`, each a single statement. Throws where the server cannot be reached. */
export async function readPlans(url: string, sqls: readonly string[]): Promise<QueryPlan[]> {
  const pool = new Pool({ url, connectionsMax: 1, applicationName: 'holdfast explain' })
  try {
    const plans: QueryPlan[] = []
    for (const sql of sqls) plans.push(await planOf(pool, sql))
    return plans
  } finally {
    await pool.close()
  }
}

async function planOf(pool: Pool, sql: string): Promise<QueryPlan> {
  const connection = await pool.acquire()
  try {
    return await planOn(connection, sql)
  } catch (error) {
    if (!(error instanceof StatementError)) throw error
    return { sql, lines: [], scans: [], refused: `${error.message} (${error.state})` }
  } finally {
    await rollback(connection)
    await connection.release()
  }
}

/**
 * Prepared, so that $1 needs no value: PREPARE takes one statement that reads or writes rows and
 * nothing else, and EXPLAIN runs none of it.
 */
async function planOn(connection: Connection, sql: string): Promise<QueryPlan> {
  const prepared = await connection.run([
    BEGIN,
    context,
    GENERIC,
    plain(`PREPARE ${NAME} AS ${sql}`),
    COUNT,
  ])
  const values = Array(Number(prepared.at(-1)?.rows[0]?.count))
    .fill('NULL')
    .join(', ')
  const ask = plain(`EXPLAIN EXECUTE ${NAME}${values && `(${values})`}`)
  const [usual, , indexed] = await connection.run([ask, NO_SCANS, ask, DEALLOCATE])
  const scans = linesOf(indexed).flatMap((line) => /Seq Scan on (\S+)/.exec(line)?.[1] ?? [])
  return { sql, lines: linesOf(usual), scans: [...new Set(scans)], refused: undefined }
}

function linesOf(answer: Rows | undefined): readonly string[] {
  return (answer?.rows ?? []).map((row: Row) => String(row['QUERY PLAN']))
}
