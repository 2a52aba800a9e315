/** What travels to the server: text with $1 … $n and the values for them. Text never holds a value. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
  /** Guard against runaway results; more rows than this is HF_ROWS_MAX, never a silent cut. */
  readonly rowsMax?: number | undefined
  /** Read int8 as bigint in this statement instead of as a range-checked number. */
  readonly bigint?: boolean | undefined
  /** Rows as arrays in the order of the columns: for builders whose columns may share a name. */
  readonly arrays?: boolean | undefined
}

/** A row, by column. */
export type Row = Record<string, unknown>

/** What the server has answered to one statement. */
export interface Rows<R = Row> {
  readonly rows: R[]
  /** From the command tag: rows returned, inserted, updated or deleted. 0 for BEGIN and the like. */
  readonly rowCount: number
  /** First word of the command tag: SELECT, INSERT, UPDATE, BEGIN … */
  readonly command: string
}

/** Anything that can be turned into one statement: the sql tag, and query builders with `compile()`. */
export interface Compilable<R = unknown> {
  compile(): {
    readonly sql: string
    readonly parameters: readonly unknown[]
    readonly query?: unknown
  }
  /** Carries the row type only; never present. */
  readonly rowType?: R | undefined
}
