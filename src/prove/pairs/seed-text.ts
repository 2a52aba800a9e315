/** A seed as SQL that a reader can copy: every row that is there, as an INSERT. */
import type { TableRows } from './ground.ts'
import { type ColumnFacts, insertText, type StoredRow, tenantText } from './store.ts'

const TENANT = 'tenant_id'

/** One row of a seed, for leaving it out. */
export interface SeedRowOf {
  readonly table: string
  readonly columns: readonly ColumnFacts[]
  readonly row: StoredRow
}

export function seedRowsOf(tables: readonly TableRows[]): SeedRowOf[] {
  return tables.flatMap(({ table, columns, rows }) => rows.map((row) => ({ table, columns, row })))
}

/** In the order in which they are given: rows that others refer to first. */
export function seedText(rows: readonly SeedRowOf[]): string {
  const texts: string[] = []
  let tenant: unknown
  for (const group of grouped(rows)) {
    const [{ table, columns, row }] = group
    const own = row.values[TENANT]
    if (typeof own === 'string' && own !== tenant) texts.push(tenantText(own))
    tenant = typeof own === 'string' ? own : tenant
    texts.push(
      insertText(
        table,
        columns,
        group.map((one) => one.row),
      ),
    )
  }
  return texts.join('\n')
}

/** Rows of one table and one tenant that stand together. */
function grouped(rows: readonly SeedRowOf[]): [SeedRowOf, ...SeedRowOf[]][] {
  const groups: [SeedRowOf, ...SeedRowOf[]][] = []
  for (const row of rows) {
    const last = groups.at(-1)
    const isSame =
      last?.[0].table === row.table && last[0].row.values[TENANT] === row.row.values[TENANT]
    if (isSame) last?.push(row)
    else groups.push([row])
  }
  return groups
}

/** Whose rows there are most of. */
export function mainTenant(tables: readonly TableRows[]): string | undefined {
  const names = tables.flatMap(({ rows }) => rows.map(({ values }) => values[TENANT]))
  const counts = Map.groupBy(
    names.filter((name) => typeof name === 'string'),
    (name) => name,
  )
  const sorted = [...counts].toSorted((left, right) => right[1].length - left[1].length)
  return sorted[0]?.[0]
}
