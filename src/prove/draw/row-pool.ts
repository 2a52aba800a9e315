/**
 * The rows that are there, as a store of values for inputs: the key of a row where a field names one,
 * and what else that row says where fields have the names of its columns.
 */

export interface PoolColumn {
  /** `schema.table`. */
  readonly table: string
  readonly name: string
  readonly type: string
  /** Part of a primary key or of a unique index. */
  readonly key: boolean
  /** `schema.table.column` of what it refers to. */
  readonly references: string | null
}

export interface PoolRow {
  readonly table: string
  readonly values: Readonly<Record<string, unknown>>
}

/** A column that a field may mean. */
export interface Meant {
  readonly column: PoolColumn
  /** How sure that is: at least `SURE` where the names say so. */
  readonly score: number
}

/** A row by the value of a key of its. */
export interface RowKeyOf {
  readonly table: string
  readonly value: unknown
}

/** The names say that the field holds a key of the table. */
export const SURE = 3

const TENANT = 'tenant_id'

export class RowPool {
  readonly columns: readonly PoolColumn[]
  readonly rows: ReadonlyMap<string, readonly PoolRow[]>

  /** @param tenant rows of others are nobody's business */
  constructor(columns: readonly PoolColumn[], rows: readonly PoolRow[], tenant: string) {
    const own = rows.filter(({ values }) => (values[TENANT] ?? tenant) === tenant)
    this.columns = columns.filter(({ name }) => name !== TENANT)
    this.rows = Map.groupBy(own, ({ table }) => table)
  }

  /**
   * The columns that a field may mean, the likeliest first.
   *
   * @param prefix of its ids, where they have one: `ord_`
   */
  meant(field: string, operation: string, prefix = ''): readonly Meant[] {
    const words = wordsOf(field)
    const letters = prefix.replaceAll(/[^a-z]/gi, '').toLowerCase()
    const all = this.columns
      .map((column) => ({
        column,
        score: scoreOf(column, words, operation) + ofPrefix(column, letters),
      }))
      .filter(({ score }) => score > 0)
    return all.toSorted((left, right) => right.score - left.score)
  }

  /** What a row is known by, and which rows it belongs to, whether a foreign key says so or a name. */
  keysOf({ table, values }: PoolRow): RowKeyOf[] {
    return this.columns
      .filter((column) => column.table === table)
      .flatMap((column) => {
        const [of, value] = [this.#tableMeant(column), values[column.name]]
        return of === undefined || value === null || value === undefined
          ? []
          : [{ table: of, value }]
      })
  }

  /** The table whose rows the column tells apart. */
  #tableMeant({ table, name, key, references }: PoolColumn): string | undefined {
    if (references !== null) return references.slice(0, references.lastIndexOf('.'))
    const named = wordsOf(name).replace(/_(?:u?u?id)$/, '')
    const other = this.columns.find((column) => singular(tableOf(column)) === named)
    return other?.table ?? (key ? table : undefined)
  }

  rowsOf({ table }: PoolColumn): readonly PoolRow[] {
    return this.rows.get(table) ?? []
  }
}

/** `orderId`, `order_id` and `order-id` are one name. */
export function wordsOf(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^a-zA-Z0-9]+/g, '_')
    .toLowerCase()
}

/** `ord` stands for orders, `prd` for products, `blk` for a blocklist. */
function ofPrefix(column: PoolColumn, letters: string): number {
  const names = column.key && column.references === null && /(?:^|_)u*id$/.test(column.name)
  if (letters === '' || !names) return 0
  const words = tableOf(column).split('_')
  if (words.some((word) => word.startsWith(letters))) return 6
  return words.some((word) => abbreviates(letters, word)) ? SURE : 0
}

function abbreviates(letters: string, word: string): boolean {
  const pattern = new RegExp(`^${[...letters].join('.*')}`)
  return pattern.test(word)
}

function tableOf({ table }: PoolColumn): string {
  return wordsOf(table.slice(table.indexOf('.') + 1))
}

function scoreOf(column: PoolColumn, field: string, operation: string): number {
  const name = wordsOf(column.name)
  const table = tableOf(column)
  // Where a key refers to another row, that other row is what is meant.
  if (column.references !== null && name === field) return 2
  if (!column.key) return name === field ? 1 : 0
  const named = [field, field.replace(/_(?:id|key|no|number|code)$/, '')]
  if (named.some((one) => isPlural(table, one)) && isId(name)) return 5
  if (name === field && !isId(name)) return 4
  if (name === field) return wordsOf(operation).includes(singular(table)) ? 4 : SURE
  // A uuid is no text that somebody would write.
  return isId(name) && column.type !== 'uuid' ? 0.5 : 0
}

function isId(name: string): boolean {
  return /(?:^|_)(?:id|key|no|number|code|uuid)$/.test(name)
}

function isPlural(table: string, name: string): boolean {
  return table === name || singular(table) === name
}

function singular(table: string): string {
  return table
    .replace(/(?:ies)$/, 'y')
    .replace(/([sxh])es$/, '$1')
    .replace(/s$/, '')
}
