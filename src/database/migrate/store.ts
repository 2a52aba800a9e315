/**
 * All SQL of the ledger: holdfast.migrations says what ran, holdfast.table_owners whose each table
 * is. The ledger is older than the first migration, so the runner makes it.
 *
 * A row of holdfast.migrations is `applied`, or `partial`: a file without a transaction of which
 * `statements_done` statements are done and stay. `error` is the failure of the next statement;
 * partial without an error means that the runner died, and the next statement is in doubt.
 */
import type { ClientBase } from 'pg'
import type { MigrationFile } from './source.ts'

export interface MigrationRecord {
  readonly source: string
  readonly id: string
  readonly checksum: string
  readonly state: 'applied' | 'partial'
  readonly statementsDone: number
  /** sha256 of the file up to the end of the last statement done; null while there is none. */
  readonly doneChecksum: string | null
  readonly error: string | null
  /** RFC 3339, UTC. */
  readonly appliedAt: string
}

export async function prepareLedger(client: ClientBase): Promise<void> {
  if (await hasLedger(client)) return
  await client.query(`
    CREATE SCHEMA IF NOT EXISTS holdfast;
    CREATE TABLE IF NOT EXISTS holdfast.migrations (
      source text NOT NULL,
      id text NOT NULL,
      checksum text NOT NULL,
      state text NOT NULL CHECK (state IN ('applied', 'partial')),
      statements_done integer NOT NULL,
      done_checksum text,
      error text,
      run_order bigint GENERATED ALWAYS AS IDENTITY,
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      applied_by text NOT NULL DEFAULT session_user,
      duration_ms integer,
      PRIMARY KEY (source, id)
    );
    CREATE TABLE IF NOT EXISTS holdfast.table_owners (
      schema_name text NOT NULL,
      table_name text NOT NULL,
      module text NOT NULL,
      PRIMARY KEY (schema_name, table_name)
    );
    INSERT INTO holdfast.table_owners (schema_name, table_name, module)
    VALUES ('holdfast', 'migrations', 'holdfast/database'),
           ('holdfast', 'table_owners', 'holdfast/database')
    ON CONFLICT DO NOTHING`)
}

export async function hasLedger(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ ready: boolean }>(
    `SELECT to_regclass('holdfast.table_owners') IS NOT NULL
        AND to_regclass('holdfast.migrations') IS NOT NULL AS ready`,
  )
  return rows[0]?.ready === true
}

export async function readLedger(client: ClientBase): Promise<MigrationRecord[]> {
  if (!(await hasLedger(client))) return []
  const { rows } = await client.query<MigrationRecord>(
    `SELECT source, id, checksum, state, statements_done AS "statementsDone",
         done_checksum AS "doneChecksum", error,
         to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "appliedAt"
       FROM holdfast.migrations ORDER BY run_order`,
  )
  return rows
}

export async function recordApplied(
  client: ClientBase,
  file: MigrationFile,
  durationMs: number,
): Promise<void> {
  await client.query(
    `INSERT INTO holdfast.migrations (source, id, checksum, state, statements_done, duration_ms)
     VALUES ($1, $2, $3, 'applied', $4, $5)
     ON CONFLICT (source, id) DO UPDATE SET checksum = excluded.checksum, state = excluded.state,
       statements_done = excluded.statements_done, duration_ms = excluded.duration_ms,
       done_checksum = NULL, error = NULL, applied_at = clock_timestamp()`,
    [file.source, file.id, file.checksum, file.statements.length, Math.round(durationMs)],
  )
}

export async function recordPartial(
  client: ClientBase,
  file: MigrationFile,
  progress: Pick<MigrationRecord, 'statementsDone' | 'doneChecksum' | 'error'>,
): Promise<void> {
  await client.query(
    `INSERT INTO holdfast.migrations
       (source, id, checksum, state, statements_done, done_checksum, error)
     VALUES ($1, $2, $3, 'partial', $4, $5, $6)
     ON CONFLICT (source, id) DO UPDATE SET checksum = excluded.checksum, state = excluded.state,
       statements_done = excluded.statements_done, done_checksum = excluded.done_checksum,
       error = excluded.error`,
    [
      file.source,
      file.id,
      file.checksum,
      progress.statementsDone,
      progress.doneChecksum,
      progress.error,
    ],
  )
}

/** Names of the tables by their oid, which outlives a rename. */
export type Tables = ReadonlyMap<string, { readonly schema: string; readonly table: string }>

export async function listTables(client: ClientBase): Promise<Tables> {
  const { rows } = await client.query<{ oid: string; schema: string; table: string }>(
    `SELECT c.oid::text, n.nspname AS schema, c.relname AS table
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname <> 'information_schema'
        AND n.nspname !~ '^pg_'`,
  )
  return new Map(rows.map((row) => [row.oid, row]))
}

/** Tables made since `before` belong to `module`; renamed ones stay their owner's; dropped ones go. */
export async function recordTables(
  client: ClientBase,
  module: string,
  before: Tables,
): Promise<void> {
  const after = await listTables(client)
  const changes = [...after].filter(([oid, now]) => !sameName(before.get(oid), now))
  await client.query(
    `WITH change AS (
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
         AS c (schema_name, table_name, old_schema, old_table)
     )
     INSERT INTO holdfast.table_owners (schema_name, table_name, module)
     SELECT c.schema_name, c.table_name, coalesce(o.module, $5)
       FROM change c LEFT JOIN holdfast.table_owners o
         ON (o.schema_name, o.table_name) = (c.old_schema, c.old_table)
     ON CONFLICT (schema_name, table_name) DO UPDATE SET module = excluded.module`,
    [
      changes.map(([, now]) => now.schema),
      changes.map(([, now]) => now.table),
      changes.map(([oid]) => before.get(oid)?.schema ?? null),
      changes.map(([oid]) => before.get(oid)?.table ?? null),
      module,
    ],
  )
  await client.query(
    `DELETE FROM holdfast.table_owners
      WHERE to_regclass(format('%I.%I', schema_name, table_name)) IS NULL`,
  )
}

function sameName(
  before: { readonly schema: string; readonly table: string } | undefined,
  now: { readonly schema: string; readonly table: string },
): boolean {
  return before?.schema === now.schema && before.table === now.table
}

export interface IndexState {
  /** Qualified and quoted. */
  readonly name: string
  readonly valid: boolean
  /** The process that builds it right now. */
  readonly builder: number | null
}

/** The index `index` of the table that `table` (as written in SQL) names. */
export async function indexState(
  client: ClientBase,
  index: string,
  table: string,
): Promise<IndexState | undefined> {
  const { rows } = await client.query<IndexState>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, i.indisvalid AS valid,
         (SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index p
           WHERE p.index_relid = i.indexrelid AND p.datname = current_database() LIMIT 1) AS builder
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE i.indrelid = to_regclass($2) AND c.relname = $1`,
    [index, table],
  )
  return rows[0]
}

export async function dropIndexConcurrently(client: ClientBase, name: string): Promise<void> {
  await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
}
