/** The rows that are there, and what the catalog says of their columns. */
import type pg from 'pg'

export interface ColumnFacts {
  readonly table: string
  readonly name: string
  readonly type: string
  /** Part of a primary key or of a unique index. */
  readonly key: boolean
  /** The column that its foreign key names: `schema.table.column`. */
  readonly references: string | null
  readonly hasDefault: boolean
  readonly generated: boolean
  readonly identity: boolean
}

/** Tables of the user alone. */
const OWN = `c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'holdfast', 'holdfast_seed')`

export async function readColumns(client: pg.Client): Promise<ColumnFacts[]> {
  const { rows } = await client.query<ColumnFacts>(
    `SELECT n.nspname || '.' || c.relname AS table, a.attname::text AS name,
            format_type(a.atttypid, NULL) AS type, a.atthasdef AS "hasDefault",
            a.attgenerated <> '' AS generated, a.attidentity <> '' AS identity,
            EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique
              AND a.attnum = ANY (i.indkey)) AS key,
            (SELECT format('%s.%s.%s', pn.nspname, p.relname, pa.attname)
               FROM pg_constraint k
               JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (own, other) ON pair.own = a.attnum
               JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
               JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = pair.other
              WHERE k.conrelid = c.oid AND k.contype = 'f' ORDER BY k.conname LIMIT 1) AS references
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE ${OWN} ORDER BY 1, a.attnum`,
  )
  return rows
}

export interface StoredRow {
  /** The values of its columns as they stand in an INSERT, in their order. */
  readonly literals: readonly string[]
  readonly values: Readonly<Record<string, unknown>>
}

/** Types whose texts need no quotes. */
const BARE = new Set(['smallint', 'integer', 'bigint', 'boolean'])

/** In the order in which they came. */
export async function readRows(
  client: pg.Client,
  table: string,
  columns: readonly ColumnFacts[],
): Promise<StoredRow[]> {
  const literals = columns.map(({ name, type }) =>
    BARE.has(type)
      ? `coalesce(x.${quoteName(name)}::text, 'NULL')`
      : `quote_nullable(x.${quoteName(name)}::text)`,
  )
  const { rows } = await client.query<StoredRow>(
    `SELECT ARRAY[${literals.join(', ')}]::text[] AS literals, to_jsonb(x) AS values
       FROM ONLY ${quotedTable(table)} x ORDER BY x.ctid`,
  )
  return rows
}

export function insertText(
  table: string,
  columns: readonly ColumnFacts[],
  rows: readonly StoredRow[],
): string {
  const [first] = rows
  if (first === undefined) return ''
  // A column that is nowhere filled, and would be empty anyway, is left out.
  const filled = columns.map(
    ({ hasDefault }, at) => hasDefault || rows.some(({ literals }) => literals[at] !== 'NULL'),
  )
  const names = columns.filter((_, at) => filled[at]).map(({ name }) => quoteName(name))
  const values = rows.map(
    ({ literals }) => `(${literals.filter((_, at) => filled[at]).join(', ')})`,
  )
  const system = columns.some(({ identity }) => identity) ? ' OVERRIDING SYSTEM VALUE' : ''
  return `INSERT INTO ${quotedTable(table)} (${names.join(', ')})${system} VALUES\n  ${values.join(',\n  ')};`
}

export function tenantText(tenant: string): string {
  return `SELECT set_config('holdfast.tenant', '${tenant.replaceAll("'", "''")}', false);`
}

function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name)
    ? name
    : `"${name.replaceAll('"', '""')}"`
}

/** Names that are words of SQL, of those that people give to tables and columns. */
const RESERVED = new Set(
  'all analyse analyze and any array as asc both case cast check collate column constraint create default desc distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading limit not null offset on only or order placing primary references returning select some symmetric table then to trailing true union unique user using variadic when where window with'.split(
    ' ',
  ),
)

function quotedTable(table: string): string {
  const dot = table.indexOf('.')
  const [schema, name] = [table.slice(0, dot), table.slice(dot + 1)]
  return schema === 'public' ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`
}

/** Tables that the transaction has locked; of those that are only read, or locked for a foreign key, not `writes`. */
export const TABLE_LOCKS = `SELECT n.nspname || '.' || c.relname AS table,
    bool_or(l.mode = 'RowExclusiveLock') AS writes
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'p')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' GROUP BY 1`
