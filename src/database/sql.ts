/**
 * The safe `sql` tag. Every interpolated value becomes a parameter; identifiers are quoted by
 * `sql.id`; fragments nest. There is no way to put text from a variable into a statement.
 */
import { HoldfastError } from '../base/fault.ts'
import type { Row, Statement } from './statement.ts'

/** Part of a statement; what `sql` gives, whatever its rows. */
export interface Fragment {
  appendTo(out: { text: string; values: unknown[] }): void
}

class Identifier {
  readonly text: string
  constructor(parts: readonly string[]) {
    if (parts.some((part) => part.includes('\0'))) {
      throw new HoldfastError(
        'HF_OPTION_INVALID',
        'sql.id: a name cannot hold the character U+0000.',
      )
    }
    this.text = parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.')
  }
}

class Join {
  readonly items: readonly unknown[]
  readonly separator: Fragment | undefined
  constructor(items: readonly unknown[], separator: Fragment | undefined) {
    this.items = items
    this.separator = separator
  }
}

/** A statement or a part of one. `R` is the shape of its rows. */
export class Sql<R = Row> implements Statement {
  readonly #strings: readonly string[]
  readonly #parts: readonly unknown[]
  #text: string | undefined
  #values: unknown[] | undefined
  readonly rowsMax: number | undefined
  readonly bigint: boolean | undefined
  declare readonly rowType?: R | undefined

  constructor(
    strings: readonly string[],
    parts: readonly unknown[],
    options: { readonly rowsMax?: number | undefined; readonly bigint?: boolean | undefined } = {},
  ) {
    this.#strings = strings
    this.#parts = parts
    this.rowsMax = options.rowsMax
    this.bigint = options.bigint
  }

  get text(): string {
    if (this.#text === undefined) this.#render()
    return this.#text as string
  }

  get values(): readonly unknown[] {
    if (this.#values === undefined) this.#render()
    return this.#values as unknown[]
  }

  /** The same statement with a bound declared for its rows. */
  bounded(rowsMax: number): Sql<R> {
    return new Sql<R>(this.#strings, this.#parts, { rowsMax, bigint: this.bigint })
  }

  /** The same statement with int8 columns as bigint. */
  withBigint(): Sql<R> {
    return new Sql<R>(this.#strings, this.#parts, { rowsMax: this.rowsMax, bigint: true })
  }

  #render(): void {
    const flat = flatText(this.#strings, this.#parts)
    if (flat !== undefined) {
      this.#text = flat
      this.#values = this.#parts as unknown[]
      return
    }
    const out = { text: '', values: [] as unknown[] }
    this.appendTo(out)
    this.#text = out.text
    this.#values = out.values
  }

  appendTo(out: { text: string; values: unknown[] }): void {
    out.text += this.#strings[0]
    for (let index = 0; index < this.#parts.length; index++) {
      appendPart(out, this.#parts[index])
      out.text += this.#strings[index + 1]
    }
  }
}

/** Rendered texts of templates without fragments, by their (unique, frozen) template object. */
const flatTexts = new WeakMap<readonly string[], string>()

function flatText(strings: readonly string[], parts: readonly unknown[]): string | undefined {
  if (parts.some(isFragment)) return undefined
  const known = flatTexts.get(strings)
  if (known !== undefined) return known
  const text = strings.reduce((before, piece, index) => `${before}$${index}${piece}`)
  flatTexts.set(strings, text)
  return text
}

function isFragment(part: unknown): boolean {
  return part instanceof Sql || part instanceof Identifier || part instanceof Join
}

function appendPart(out: { text: string; values: unknown[] }, part: unknown): void {
  if (part instanceof Sql) part.appendTo(out)
  else if (part instanceof Identifier) out.text += part.text
  else if (part instanceof Join) appendJoin(out, part)
  else out.text += `$${out.values.push(part)}`
}

function appendJoin(out: { text: string; values: unknown[] }, join: Join): void {
  join.items.forEach((item, index) => {
    if (index > 0) {
      if (join.separator === undefined) out.text += ', '
      else join.separator.appendTo(out)
    }
    appendPart(out, item)
  })
}

function tag<R = Row>(strings: TemplateStringsArray, ...parts: unknown[]): Sql<R> {
  return new Sql<R>(strings, parts)
}

/**
 * A statement, or a part of one: sql`SELECT id FROM orders WHERE sku = ${sku}`. Values become
 * parameters, never text.
 */
export const sql = Object.assign(tag, {
  /** A quoted identifier: `sql.id('orders')`, `sql.id('public', 'orders')`. */
  id: (...parts: readonly [string, ...string[]]): Identifier => new Identifier(parts),
  /** Items with a separator between them (`, ` by default). Items are values or fragments. */
  join: (items: readonly unknown[], separator?: Fragment): Join => new Join(items, separator),
  empty: new Sql<Row>([''], []),
})
