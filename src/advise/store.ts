/** What a running database tells about itself: sizes, rates and hit ratios, read without a table scan. */
import pg from 'pg'
import { HoldfastError } from '../base/fault.ts'

const CONNECT_TIMEOUT_MS = 5_000
/** Catalogues and statistics answer in milliseconds; a server that does not has other worries. */
const STATEMENT_TIMEOUT_MS = 5_000

export interface DatabaseNumbers {
  readonly databaseBytes: number
  readonly largestTableBytes: number
  readonly largestTableRows: number
  readonly rowsWritten: number
  readonly statisticsSeconds: number
  readonly blocksHit: number
  readonly blocksRead: number
  /** By the planner's statistics of columns named tenant_id; null where there is none. */
  readonly tenants: number | null
}

const NUMBERS = `
  SELECT pg_database_size(current_database())::float8 AS "databaseBytes",
         coalesce(t.bytes, 0)::float8 AS "largestTableBytes",
         greatest(coalesce(t.rows, 0), 0)::float8 AS "largestTableRows",
         (d.tup_inserted + d.tup_updated + d.tup_deleted)::float8 AS "rowsWritten",
         extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8 AS "statisticsSeconds",
         d.blks_hit::float8 AS "blocksHit", d.blks_read::float8 AS "blocksRead",
         (SELECT max(n_distinct) FROM pg_stats WHERE attname = 'tenant_id' AND n_distinct > 0)::float8 AS tenants
    FROM pg_stat_database d
    LEFT JOIN LATERAL (
      SELECT pg_total_relation_size(c.oid) AS bytes, c.reltuples AS rows
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
       ORDER BY pg_total_relation_size(c.oid) DESC LIMIT 1) t ON true
   WHERE d.datname = current_database()`

/** Reads in a read-only transaction and leaves nothing behind. */
export async function readDatabaseNumbers(url: string): Promise<DatabaseNumbers> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'holdfast-advise',
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('BEGIN READ ONLY')
    const { rows } = await client.query<DatabaseNumbers>(NUMBERS)
    await client.query('COMMIT')
    return rows[0] as DatabaseNumbers
  } catch (cause) {
    // The URL may hold a password: neither it nor what a parser says of it is shown.
    throw unread(cause)
  } finally {
    await client.end().catch(() => {})
  }
}

/** By SQLSTATE: what is to be corrected. */
const REFUSALS: Readonly<Record<string, string>> = {
  '28000': 'refuses the role: it must exist and have LOGIN, and pg_hba.conf must let it in',
  '28P01': 'refuses the role or its password: correct them',
  '3D000': 'is not on this server: correct its name, or create it',
  '42501': 'refuses the role: it needs CONNECT on the database',
}

/** The URL may hold a password: neither it nor what a parser says of it is shown. */
function unread(cause: unknown): HoldfastError {
  const { code } = cause as { code?: unknown }
  const reason = typeof code === 'string' ? ` (${code})` : ''
  const database = 'The database to be asked for sizes and rates'
  const refusal = REFUSALS[String(code)]
  if (refusal !== undefined)
    return new HoldfastError('HF_CONFIG_INVALID', `${database} ${refusal}${reason}.`, { cause })
  const outcome = cause instanceof pg.DatabaseError ? 'answers with an error' : 'does not answer'
  return new HoldfastError('HF_DATABASE_UNAVAILABLE', `${database} ${outcome}${reason}.`, { cause })
}
