/** The SQL of the explorer's own, on its control connection. */
import pg from 'pg'

export interface TableName {
  readonly schema: string
  readonly name: string
}

export interface SequenceRow {
  /** Quoted and qualified. */
  readonly name: string
  readonly max: string
}

/** Where the rows of the seed are kept. */
const SEED_SCHEMA = 'holdfast_seed'
const OWN_SCHEMAS = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${SEED_SCHEMA}')`

export function quoted({ schema, name }: TableName): string {
  return `${quoteName(schema)}.${quoteName(name)}`
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function seedTable(index: number): string {
  return `${SEED_SCHEMA}.t${index}`
}

/** Tables that hold rows themselves. */
export async function listTables(client: pg.Client): Promise<TableName[]> {
  const { rows } = await client.query<TableName>(
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND ${OWN_SCHEMAS} ORDER BY 1, 2`,
  )
  return rows
}

export async function listSequences(client: pg.Client): Promise<SequenceRow[]> {
  const { rows } = await client.query<SequenceRow>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, s.seqmax::text AS max
       FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE ${OWN_SCHEMAS} AND s.seqincrement = 1 ORDER BY 1`,
  )
  return rows
}

/** Tables whose foreign keys point at others: TRUNCATE wants them together. */
export async function listReferences(
  client: pg.Client,
): Promise<{ child: string; parent: string }[]> {
  const { rows } = await client.query<{ child: string; parent: string }>(
    `SELECT DISTINCT format('%I.%I', cn.nspname, c.relname) AS child,
            format('%I.%I', pn.nspname, p.relname) AS parent
       FROM pg_constraint k
       JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
       JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
      WHERE k.contype = 'f'`,
  )
  return rows
}

/** Column names as they stand in an INSERT: generated ones cannot be given. */
async function listColumns(client: pg.Client, table: TableName): Promise<string> {
  const { rows } = await client.query<{ names: string }>(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS names FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [quoted(table)],
  )
  return rows[0]?.names ?? ''
}

/** Keeps the rows of every table; resolves to the statement, per table, that brings them back. */
export async function keepSeed(
  client: pg.Client,
  tables: readonly TableName[],
): Promise<readonly string[]> {
  await client.query(`CREATE SCHEMA ${SEED_SCHEMA}`)
  const restores: string[] = []
  for (const [index, table] of tables.entries()) {
    const columns = await listColumns(client, table)
    await client.query(
      `CREATE TABLE ${seedTable(index)} AS SELECT ${columns} FROM ONLY ${quoted(table)}`,
    )
    // A table without columns has rows of nothing, which nobody tells apart.
    restores.push(
      columns === ''
        ? ''
        : `INSERT INTO ${quoted(table)} (${columns}) OVERRIDING SYSTEM VALUE SELECT * FROM ${seedTable(index)};`,
    )
  }
  return restores
}

/** Leaves one row out, as it stands in `contentsText`. */
export function leaveOutText(table: TableName, row: string): string {
  const same = `SELECT ctid FROM ONLY ${quoted(table)} x WHERE to_jsonb(x)::text = ${pg.escapeLiteral(row)} LIMIT 1`
  return `DELETE FROM ONLY ${quoted(table)} WHERE ctid = (${same});`
}

export function truncateText(tables: readonly string[]): string {
  return tables.length === 0 ? '' : `TRUNCATE ${tables.join(', ')};`
}

export function setSequenceText(name: string, value: bigint): string {
  return `SELECT setval('${name.replaceAll("'", "''")}', ${value}, false);`
}

/** Every row of every table as JSON: `{ t: index of the table, r: row }`. */
export function contentsText(tables: readonly TableName[]): string {
  return tables
    .map(
      (table, index) => `SELECT ${index} AS t, to_jsonb(x)::text AS r FROM ONLY ${quoted(table)} x`,
    )
    .join(' UNION ALL ')
}

export interface BlockedRow {
  readonly pid: number
  readonly blocked: boolean
  readonly by: readonly number[]
}

/** Which of the sessions wait for another of them. Waiting for a safe snapshot counts too. */
export async function askBlocked(
  client: pg.Client,
  waiting: readonly number[],
  all: readonly number[],
): Promise<BlockedRow[]> {
  const { rows } = await client.query<BlockedRow>({
    name: 'blocked',
    text: `SELECT pid, pg_isolation_test_session_is_blocked(pid, $2::int[]) AS blocked,
                  pg_blocking_pids(pid) AS by FROM unnest($1::int[]) AS pid`,
    values: [waiting, all],
  })
  return rows
}

/** User tables on which the session holds a lock, as `schema.table`. */
export async function askLocks(
  client: pg.Client,
  pid: number,
): Promise<{ table: string; mode: string }[]> {
  const { rows } = await client.query<{ table: string; mode: string }>({
    name: 'locks',
    text: `SELECT n.nspname || '.' || c.relname AS table, l.mode
             FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
             JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE l.pid = $1 AND l.locktype = 'relation' AND l.granted AND c.relkind IN ('r', 'p', 'm')
              AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
    values: [pid],
  })
  return rows
}

export async function cancel(client: pg.Client, pid: number): Promise<void> {
  await client.query('SELECT pg_cancel_backend($1)', [pid])
}

export async function createDatabase(
  client: pg.Client,
  name: string,
  owner: string,
): Promise<void> {
  await client.query(
    `CREATE DATABASE ${quoteName(name)} OWNER ${quoteName(owner)} TEMPLATE template0`,
  )
  // 1 ms: the deadlock check of a session that waits is over before the next step, so that whoever
  // closes the circle is the victim, every time.
  for (const setting of ["deadlock_timeout = '1ms'", 'synchronous_commit = off', 'jit = off'])
    await client.query(`ALTER DATABASE ${quoteName(name)} SET ${setting}`)
}

export async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(`DROP DATABASE IF EXISTS ${quoteName(name)} WITH (FORCE)`)
}

export async function listDatabases(client: pg.Client, prefix: string): Promise<string[]> {
  const { rows } = await client.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [prefix],
  )
  return rows.map(({ datname }) => datname)
}

/** Rows come back past triggers and foreign keys. */
export const BYPASS_TRIGGERS = 'SET session_replication_role = replica'
/** For one transaction: a row that others refer to stays. */
export const HEED_REFERENCES = 'SET LOCAL session_replication_role = origin'
export const DEFAULT_ISOLATION = 'SHOW default_transaction_isolation'
/** As DISCARD ALL, without the prepared statements that the driver believes to be there. */
export const TIDY_SESSION =
  'RESET SESSION AUTHORIZATION; RESET ALL; CLOSE ALL; UNLISTEN *; DISCARD TEMP; SELECT pg_advisory_unlock_all()'
