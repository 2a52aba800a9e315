/**
 * Whether the database has the indexes that declared lists need. A page without its index still
 * works: it reads and sorts every row of the tenant, a little slower each day; so it is told at
 * start and in CI, not found in production.
 */
import type { Statement } from './statement.ts'

/** What a sort of a list needs: an index with these columns, in this order, all one way. */
export interface RequiredIndex {
  readonly list: string
  /** The sort as it stands in a query: `-placed_at`. */
  readonly sort: string
  /** `orders` or `ordering.orders`. */
  readonly table: string
  /** Columns that have one value for each request. They lead in the index, and the tenant's with them. */
  readonly fixed: readonly string[]
  /** The sort's columns and the key. */
  readonly columns: readonly string[]
}

interface IndexColumn {
  /** Null for an expression. */
  readonly name: string | null
  readonly descending: boolean
}

interface ListedIndex {
  readonly unique: boolean
  readonly columns: readonly IndexColumn[]
}

export interface ListedTable {
  /** As asked for. */
  readonly table: string
  readonly nullable: readonly string[]
  /** What holds each row to its tenant: `tenant_id`, or `tenant` in the framework's own tables. */
  readonly tenantColumn: string | null
  readonly indexes: readonly ListedIndex[]
}

/** One row for each table that is there. */
export function listedTables(tables: readonly string[]): Statement {
  return { text: LISTED_TABLES, values: [[...new Set(tables)]] }
}

// indoption bit 1 is DESC. A partial or invalid index is none; neither is one of another method.
const LISTED_TABLES = `
SELECT asked.name AS "table",
  coalesce(nulls.names, '{}') AS nullable, tenant.name AS "tenantColumn",
  coalesce(indexes.list, '[]') AS indexes
FROM unnest($1::text[]) AS asked (name)
CROSS JOIN LATERAL (SELECT to_regclass(asked.name) AS oid) AS relation
LEFT JOIN LATERAL (
  SELECT array_agg(attname::text) AS names FROM pg_attribute
  WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped AND NOT attnotnull) AS nulls ON true
LEFT JOIN LATERAL (
  SELECT min(attname::text) AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped AND attname =
    CASE WHEN c.relnamespace = to_regnamespace('holdfast') THEN 'tenant' ELSE 'tenant_id' END) AS tenant ON true
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('unique', i.indisunique, 'columns', columns.list)) AS list
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('name', a.attname, 'descending', (option.bits & 1) = 1)
             ORDER BY key.place) AS list
    FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS key (number, place)
    JOIN unnest(i.indoption) WITH ORDINALITY AS option (bits, place) USING (place)
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.number AND key.number > 0
  ) AS columns
  WHERE i.indrelid = relation.oid AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
) AS indexes ON true
WHERE relation.oid IS NOT NULL`

/** What is missing, each with the statement that mends it. */
export function indexFindings(
  required: readonly RequiredIndex[],
  tables: readonly ListedTable[],
): readonly string[] {
  return required.flatMap((index) => {
    const table = tables.find((each) => each.table === index.table)
    if (table === undefined) return [`${told(index)}: there is no table ${index.table}.`]
    return [...nullFindings(index, table), ...missingIndex(index, table)]
  })
}

function told({ list, sort }: RequiredIndex): string {
  return `List "${list}", sort ${sort}`
}

function nullFindings(index: RequiredIndex, table: ListedTable): readonly string[] {
  return index.columns
    .filter((column) => table.nullable.includes(column))
    .map(
      (column) =>
        `${told(index)}: the column ${column} may be null, and pages would lose such rows.`,
    )
}

function missingIndex(index: RequiredIndex, table: ListedTable): readonly string[] {
  const { tenantColumn } = table
  const fixed = [...(tenantColumn === null ? [] : [tenantColumn]), ...index.fixed]
  if (table.indexes.some((each) => serves(each, fixed, index.columns))) return []
  const wanted = [...fixed, ...index.columns]
  const create = `CREATE INDEX CONCURRENTLY ON ${index.table} (${wanted.join(', ')});`
  return [`${told(index)}: no index serves it: ${create}`]
}

/**
 * Read backward an index serves the opposite order; so all sort columns must go one way. What comes
 * behind all columns of a unique one has nothing left to order.
 */
function serves(
  { columns, unique }: ListedIndex,
  fixed: readonly string[],
  wanted: readonly string[],
): boolean {
  const leading = new Set(columns.slice(0, fixed.length).map(({ name }) => name))
  if (!fixed.every((column) => leading.has(column))) return false
  const sorted = columns.slice(fixed.length)
  const needed = unique ? wanted.slice(0, sorted.length) : wanted
  const used = sorted.slice(0, needed.length)
  const oneWay = new Set(used.map(({ descending }) => descending)).size <= 1
  return oneWay && needed.every((column, place) => used[place]?.name === column)
}
