/**
 * Row types of a migrated database, as the Kysely interface `Database`. The same database gives the
 * same text, formatted, so that a check for drift compares text.
 *
 * A type is what database/parsers.ts makes of the column; a column comment `@type <TypeScript>`
 * says it better: `COMMENT ON COLUMN orders.total IS '@type bigint'`. On a view, whose columns may
 * all be NULL to Postgres, such a type is taken as it stands.
 */
import { parserFor } from '../parsers.ts'
import type { CatalogReader } from './catalog-reader.ts'
import { withSession } from './session.ts'

interface Column {
  readonly schema: string
  readonly table: string
  /** pg_class.relkind: r and p are tables, v, m and f are read only. */
  readonly kind: string
  readonly name: string
  readonly required: boolean
  readonly defaulted: boolean
  /** Computed by the server: generated, or identity ALWAYS. */
  readonly computed: boolean
  readonly oid: number
  /** Of an array: its element, as in `oid`. */
  readonly elementOid: number | null
  readonly enumSchema: string | null
  readonly enumName: string | null
  readonly labels: readonly string[] | null
  readonly comment: string | null
}

const LINE_WIDTH = 100
const HEADER =
  '// Row types of the migrated database, written by `holdfast types`. Change a migration instead.\n'

const SCALARS: Readonly<Record<number, string>> = {
  16: 'boolean',
  17: 'Buffer',
  20: 'number',
  21: 'number',
  23: 'number',
  26: 'number',
  114: 'unknown',
  700: 'number',
  701: 'number',
  3802: 'unknown',
}

/** Connects, reads the catalog and returns the text of the file. */
export function generateTypes(options: { readonly url: string }): Promise<string> {
  return withSession(options.url, readTypes)
}

export async function readTypes(client: CatalogReader): Promise<string> {
  const { rows } = await client.query<Column>(COLUMNS)
  return printTypes(rows)
}

function printTypes(columns: readonly Column[]): string {
  const names = new Names()
  const enums = groupBy(
    columns.filter(({ enumName }) => enumName !== null),
    ({ enumSchema, enumName }) => tableKey(enumSchema ?? '', enumName ?? ''),
  )
  const tables = groupBy(columns, ({ schema, table }) => tableKey(schema, table))
  const enumTypes = new Map(
    [...enums.keys()].sort(byCode).map((key) => [key, names.take(pascal(key))]),
  )
  const tableTypes = new Map(
    [...tables.keys()].sort(byCode).map((key) => [key, names.take(`${pascal(key)}Table`)]),
  )
  const body = [
    printDatabase(tableTypes),
    ...[...enumTypes].map(([key, type]) => printEnum(type, enums.get(key)?.[0]?.labels ?? [])),
    ...[...tableTypes].map(([key, type]) => printTable(type, tables.get(key) ?? [], enumTypes)),
  ].join('\n')
  return `${HEADER}${printImport(body)}\n${body}`
}

/** TypeScript names, each given once. */
class Names {
  readonly #taken = new Set(['Database', 'Generated', 'GeneratedAlways', 'Buffer'])

  take(wanted: string): string {
    let name = wanted
    for (let count = 2; this.#taken.has(name); count++) name = `${wanted}${count}`
    this.#taken.add(name)
    return name
  }
}

function byCode(left: string, right: string): number {
  return left < right ? -1 : 1
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, keyOf)
}

/** Kysely's name of a table: bare in schema public. */
function tableKey(schema: string, table: string): string {
  return schema === 'public' ? table : `${schema}.${table}`
}

function pascal(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean)
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(joined) ? joined : `T${joined}`
}

function printImport(body: string): string {
  const used = ['Generated', 'GeneratedAlways'].filter((name) => body.includes(`${name}<`))
  return used.length === 0 ? '' : `import type { ${used.join(', ')} } from 'kysely'\n`
}

function printDatabase(tableTypes: ReadonlyMap<string, string>): string {
  if (tableTypes.size === 0) return 'export type Database = Record<string, never>\n'
  const lines = [...tableTypes].map(([key, type]) => `  ${property(key)}: ${type}\n`)
  return `export interface Database {\n${lines.join('')}}\n`
}

function printEnum(type: string, labels: readonly string[]): string {
  const literals = labels.map(literal)
  const line = `export type ${type} = ${literals.join(' | ') || 'never'}`
  if (line.length <= LINE_WIDTH) return `${line}\n`
  return `export type ${type} =\n${literals.map((label) => `  | ${label}\n`).join('')}`
}

function printTable(
  type: string,
  columns: readonly Column[],
  enumTypes: ReadonlyMap<string, string>,
): string {
  const lines = columns.map((column) => {
    const text = remark(column.comment)
    const doc = text === '' ? '' : `  /** ${text} */\n`
    return `${doc}  ${property(column.name)}: ${columnType(column, enumTypes)}\n`
  })
  return `export interface ${type} {\n${lines.join('')}}\n`
}

function columnType(column: Column, enumTypes: ReadonlyMap<string, string>): string {
  const isReadOnly = column.kind !== 'r' && column.kind !== 'p'
  const declared = declaredType(column.comment)
  const isNullable = !column.required && !(isReadOnly && declared !== undefined)
  const base = declared ?? parsedType(column, enumTypes)
  const type = isNullable && base !== 'unknown' ? `${base} | null` : base
  if (isReadOnly || column.computed) return `GeneratedAlways<${type}>`
  return column.defaulted ? `Generated<${type}>` : type
}

function parsedType(column: Column, enumTypes: ReadonlyMap<string, string>): string {
  if (column.enumName !== null) {
    return enumTypes.get(tableKey(column.enumSchema ?? '', column.enumName)) ?? 'string'
  }
  const scalar = SCALARS[column.oid]
  if (scalar !== undefined) return scalar
  // The parser decides: an array that it does not know stays text.
  if (column.elementOid === null || !Array.isArray(parserFor(column.oid)('{}'))) return 'string'
  return `${SCALARS[column.elementOid] ?? 'string'}[]`
}

const TYPE_TAG = /@type\s+([^\n]+)/

function declaredType(comment: string | null): string | undefined {
  return comment === null ? undefined : TYPE_TAG.exec(comment)?.[1]?.trim()
}

/** A column comment without its tag, on one line. */
function remark(comment: string | null): string {
  const text = (comment ?? '').replace(TYPE_TAG, '').replaceAll('*/', '* /')
  return text.split(/\s+/).filter(Boolean).join(' ')
}

function property(name: string): string {
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name) ? name : literal(name)
}

/** Single quotes unless double ones save escapes, as the formatter has it. */
function literal(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  const singles = text.split("'").length
  const doubles = text.split('"').length
  if (singles > doubles) return `"${escaped.replaceAll('"', '\\"')}"`
  return `'${escaped.replaceAll("'", "\\'")}'`
}

const COLUMNS = `
  WITH RECURSIVE resolved (oid, base, required, defaulted) AS (
    SELECT t.oid, t.oid, false, false FROM pg_catalog.pg_type t WHERE t.typtype <> 'd'
    UNION ALL
    SELECT d.oid, r.base, d.typnotnull OR r.required, d.typdefault IS NOT NULL OR r.defaulted
      FROM pg_catalog.pg_type d JOIN resolved r ON d.typbasetype = r.oid
     WHERE d.typtype = 'd'
  )
  SELECT n.nspname::text AS schema, c.relname::text AS table, c.relkind::text AS kind,
    a.attname::text AS name, a.attnotnull OR r.required AS required,
    a.attidentity = 'a' OR a.attgenerated <> '' AS computed,
    a.attidentity = 'd' OR a.atthasdef OR r.defaulted AS defaulted,
    b.oid::int AS oid, nullif(b.typelem, 0)::int AS "elementOid",
    e.enum_schema AS "enumSchema", e.enum_name AS "enumName", e.labels,
    col_description(c.oid, a.attnum) AS comment
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN resolved r ON r.oid = a.atttypid
    JOIN pg_catalog.pg_type b ON b.oid = r.base
    LEFT JOIN LATERAL (
      SELECT s.nspname::text AS enum_schema, b.typname::text AS enum_name,
        array_agg(l.enumlabel::text ORDER BY l.enumsortorder) AS labels
        FROM pg_catalog.pg_namespace s LEFT JOIN pg_catalog.pg_enum l ON l.enumtypid = b.oid
       WHERE s.oid = b.typnamespace AND b.typtype = 'e'
       GROUP BY s.nspname
    ) e ON true
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
     AND n.nspname NOT IN ('holdfast', 'information_schema') AND n.nspname !~ '^pg_'
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   ORDER BY n.nspname, c.relname, a.attnum`
