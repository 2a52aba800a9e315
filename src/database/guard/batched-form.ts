/**
 * A statement that is sent for one key after the other, written as one for all keys. A proposal
 * for a person to read: it is never sent.
 */
import type { Catalog } from '../catalog.ts'
import type { Statement } from '../statement.ts'
import { type Token, tokensOf } from './sql-scanner.ts'

interface Source {
  readonly text: string
  readonly tokens: readonly Token[]
  /** `$n` of the values that differ between the repeats. */
  readonly varying: ReadonlySet<string>
  typeOf(column: string | undefined): string | undefined
}

/** The batched form; undefined where no value differs or the statement has no simple one. */
export function batchedForm(
  statement: Statement,
  first: readonly unknown[],
  catalog: Catalog | undefined,
): string | undefined {
  const tokens = tokensOf(statement.text)
  const varying = new Set(
    statement.values.flatMap((value, at) => (same(value, first[at]) ? [] : [`$${at + 1}`])),
  )
  if (varying.size === 0) return undefined
  const source = { text: statement.text, tokens, varying, typeOf: typesOf(tokens, catalog) }
  switch (tokens[0]?.text) {
    case 'insert':
      return insertForm(source)
    case 'update':
      return anyForm(source) ?? updateForm(source)
    default:
      return anyForm(source) ?? rowForm(source)
  }
}

function same(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  return typeof left === 'object' && JSON.stringify(left) === JSON.stringify(right)
}

/** Types of the columns of the first table that the statement names. */
function typesOf(tokens: readonly Token[], catalog: Catalog | undefined) {
  const at = tokens.findIndex(({ text }) => ['into', 'update', 'from'].includes(text)) + 1
  const named = tokens[at + 1]?.text === '.'
  const [schema, name] = named
    ? [tokens[at]?.text, tokens[at + 2]?.text]
    : [undefined, tokens[at]?.text]
  const table = name === undefined ? undefined : catalog?.table(schema, name)
  return (column: string | undefined) => table?.columns.get(column ?? '')
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

function edited(text: string, edits: readonly Edit[]): string {
  const sorted = [...edits].sort((left, right) => right.start - left.start)
  return sorted.reduce(
    (out, { start, end, text: put }) => out.slice(0, start) + put + out.slice(end),
    text,
  )
}

function isMark(token: Token | undefined, text: string): boolean {
  return token?.kind === 'mark' && token.text === text
}

/** Places of `column = $n` for values that differ. */
function comparisons(source: Source): { readonly column: Token; readonly param: Token }[] {
  const { tokens, varying } = source
  return tokens.flatMap((param, at) => {
    const column = tokens[at - 2]
    const compared = isMark(tokens[at - 1], '=') && varying.has(param.text)
    return compared && (column?.kind === 'word' || column?.kind === 'name')
      ? [{ column, param }]
      : []
  })
}

/** `WHERE sku = $1` to `WHERE sku = ANY($1)`. */
function anyForm(source: Source): string | undefined {
  if (source.varying.size !== 1) return undefined
  const where = source.tokens.findIndex(({ text }) => text === 'where')
  const [only, ...others] = comparisons(source)
  const uses = source.tokens.filter(({ text }) => source.varying.has(text))
  if (where === -1 || only === undefined || others.length > 0 || uses.length > 1) return undefined
  const { start, end, text } = only.param
  if (start < (source.tokens[where] as Token).start) return undefined
  return edited(source.text, [{ start, end, text: `ANY(${text})` }])
}

/** `a = $1 AND b = $2` to `(a, b) IN (SELECT * FROM unnest(...))`. */
function rowForm(source: Source): string | undefined {
  const pairs = comparisons(source)
  const uses = source.tokens.filter(({ text }) => source.varying.has(text))
  const [first, last] = [pairs[0], pairs.at(-1)]
  if (first === undefined || last === undefined || pairs.length !== uses.length) return undefined
  const between = source.tokens.filter(
    ({ start }) => start >= first.column.start && start <= last.param.start,
  )
  const joined =
    between.length === pairs.length * 4 - 1 &&
    between.every(({ text }, at) => at % 4 !== 3 || text === 'and')
  const lists = listsOf(
    source,
    pairs.map(({ column, param }) => [column.text, param.text]),
  )
  if (!joined || lists === undefined) return undefined
  const columns = pairs.map(({ column }) => source.text.slice(column.start, column.end)).join(', ')
  const text = `(${columns}) IN (SELECT * FROM unnest(${lists}))`
  return edited(source.text, [{ start: first.column.start, end: last.param.end, text }])
}

/** `$1::uuid[], $2::integer[]`; undefined where a type is not known. */
function listsOf(
  source: Source,
  pairs: readonly (readonly [string, string])[],
): string | undefined {
  const lists = pairs.map(([column, param]) => [param, source.typeOf(column)] as const)
  if (lists.some(([, type]) => type === undefined)) return undefined
  return lists.map(([param, type]) => `${param}::${type}[]`).join(', ')
}

/** `UPDATE t SET a = $1 WHERE id = $2` to `UPDATE t SET a = item.a FROM unnest(...) AS item (a, id) WHERE ...`. */
function updateForm(source: Source): string | undefined {
  const pairs = comparisons(source)
  const where = source.tokens.find(({ text }) => text === 'where')
  const uses = source.tokens.filter(({ text }) => source.varying.has(text))
  const lists = listsOf(
    source,
    pairs.map(({ column, param }) => [column.text, param.text]),
  )
  const names = pairs.map(({ column }) => column.text)
  const simple = pairs.length === uses.length && new Set(names).size === names.length
  const own = source.tokens.some(({ text }) => text === 'from')
  if (where === undefined || lists === undefined || !simple || own) return undefined
  const from = `FROM unnest(${lists}) AS item (${names.join(', ')}) `
  return edited(source.text, [
    ...pairs.map(({ column, param }) => replaced(param, `item.${column.text}`)),
    ...pairs.flatMap(({ column }) => qualified(source, column, where)),
    { start: where.start, end: where.start, text: from },
  ])
}

/** Behind WHERE the column's name would mean both tables. */
function qualified(source: Source, column: Token, where: Token): Edit[] {
  const { tokens, text } = source
  const before = tokens[tokens.indexOf(column) - 1]
  if (column.start < where.start || isMark(before, '.')) return []
  const set = tokens.findIndex((token) => token.text === 'set')
  const named = tokens[set - 1] as Token
  return [
    { start: column.start, end: column.start, text: `${text.slice(named.start, named.end)}.` },
  ]
}

function replaced(token: Token, text: string): Edit {
  return { start: token.start, end: token.end, text }
}

/** One row of VALUES to a SELECT from unnest, or to many rows where the types are not known. */
function insertForm(source: Source): string | undefined {
  const { tokens, text, varying } = source
  const values = tokens.findIndex((token) => token.text === 'values')
  const close = closeOf(tokens, values + 1)
  if (values === -1 || close === undefined || isMark(tokens[close + 1], ',')) return undefined
  const row = tokens.slice(values + 2, close)
  const columns = columnsBefore(tokens, values)
  const items = splitAtCommas(row)
  const lists = items.flatMap((item, at) => {
    const only = item.length === 1 && varying.has(item[0]?.text ?? '')
    return only ? [[columns[at] ?? '', item[0]?.text as string] as const] : []
  })
  const start = (tokens[values] as Token).start
  const end = (tokens[close] as Token).end
  const arrays = listsOf(source, lists)
  const whole = row.filter((token) => varying.has(token.text)).length === lists.length
  if (arrays === undefined || !whole) {
    return edited(text, [
      {
        start: end,
        end,
        text: `, ${shifted(text.slice(tokens[values + 1]?.start, end), row)}, ...`,
      },
    ])
  }
  const names = lists.map(([column]) => column)
  const selected = items.map((item, at) => {
    const own = item.length === 1 && varying.has(item[0]?.text ?? '')
    return own ? `item.${columns[at]}` : text.slice(item[0]?.start, item.at(-1)?.end)
  })
  const select = `SELECT ${selected.join(', ')} FROM unnest(${arrays}) AS item (${names.join(', ')})`
  return edited(text, [{ start, end, text: select }])
}

/** The row again, with the parameters that would come next. */
function shifted(row: string, tokens: readonly Token[]): string {
  const count = tokens.filter(({ kind }) => kind === 'param').length
  return row.replace(/\$(\d+)/g, (_, number) => `$${Number(number) + count}`)
}

function closeOf(tokens: readonly Token[], open: number): number | undefined {
  if (!isMark(tokens[open], '(')) return undefined
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (isMark(tokens[at], '(')) depth++
    if (isMark(tokens[at], ')') && --depth === 0) return at
  }
  return undefined
}

/** The names in the column list of an INSERT. */
function columnsBefore(tokens: readonly Token[], values: number): string[] {
  if (!isMark(tokens[values - 1], ')')) return []
  const open = tokens.findIndex((token) => isMark(token, '('))
  return tokens
    .slice(open + 1, values - 1)
    .filter(({ kind }) => kind === 'word' || kind === 'name')
    .map(({ text }) => text)
}

function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const items: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isMark(token, '(')) depth++
    if (isMark(token, ')')) depth--
    if (isMark(token, ',') && depth === 0) items.push([])
    else items.at(-1)?.push(token)
  }
  return items
}
