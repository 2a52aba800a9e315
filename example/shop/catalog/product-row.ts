/** From a row of a CSV file to a product, or to everything that is wrong with it. */
import type { z } from 'zod'
import { didYouMean } from '../../../src/base/did-you-mean.ts'
import { currency, priceMinor } from '../shared/money.ts'
import { productDescription, productName, sku, stockCount } from './contract.ts'
import type { CsvRow } from './product-csv.ts'

export interface Finding {
  readonly line: number
  /** Undefined: the row as a whole. */
  readonly column?: string
  readonly reason: string
}

export interface ProductRow {
  readonly line: number
  readonly sku: string
  readonly name: string
  readonly description: string
  readonly price_minor: number
  readonly currency: string
  readonly stock: number
  readonly active: boolean
}

export type ProductColumn = Exclude<keyof ProductRow, 'line'>

const required: readonly ProductColumn[] = ['sku', 'name', 'price_minor', 'currency']
const optional: readonly ProductColumn[] = ['description', 'stock', 'active']
const known = [...required, ...optional]

/** The columns of a header in its order, or why it is none. */
export function readHeader({ line, fields }: CsvRow): readonly ProductColumn[] | Finding[] {
  const names = fields.map((field) => field.trim().toLowerCase())
  if (names.length === 1 && /[;\t|]/.test(names[0] ?? '')) {
    return [{ line, reason: 'separates its columns by something else than commas' }]
  }
  const findings: Finding[] = []
  for (const [index, name] of names.entries()) {
    const unfit = unfitText(name)
    const column = name === '' || unfit ? `column ${index + 1}` : name.slice(0, 100)
    if (unfit !== undefined) findings.push({ line, column, reason: unfit })
    else if (!known.some((each) => each === name)) {
      findings.push({ line, column, reason: `is no column of a product${didYouMean(name, known)}` })
    } else if (names.indexOf(name) < index) {
      findings.push({ line, column, reason: 'stands in the header twice' })
    }
  }
  for (const column of required) {
    if (!names.includes(column)) findings.push({ line, column, reason: 'is missing in the header' })
  }
  return findings.length > 0 ? findings : (names as ProductColumn[])
}

export function isFindings(read: readonly unknown[] | ProductRow): read is Finding[] {
  return Array.isArray(read) && typeof read[0] === 'object'
}

/** Reads one row; a column that the file does not have gets its default. */
export function readRow(columns: readonly ProductColumn[], row: CsvRow): ProductRow | Finding[] {
  const { line, fields } = row
  if (fields.length !== columns.length) {
    return [{ line, reason: `has ${fields.length} columns, and the header ${columns.length}` }]
  }
  const findings: Finding[] = []
  const product: Record<string, unknown> = { line, ...defaults }
  for (const [index, column] of columns.entries()) {
    const text = fields[index] as string
    const reason = unfitText(text)
    const read = reason === undefined ? readers[column](text) : { reason }
    if ('reason' in read) findings.push({ line, column, reason: read.reason })
    else product[column] = read.value
  }
  return findings.length > 0 ? findings : (product as unknown as ProductRow)
}

const defaults = { description: '', stock: 0, active: true }

/** Bytes that are not UTF-8 come out of the decoder as U+FFFD. */
function unfitText(text: string): string | undefined {
  if (text.includes('\0')) return 'holds a NUL character'
  return text.includes('\uFFFD') ? 'is not valid UTF-8' : undefined
}

type Read = { readonly value: unknown } | { readonly reason: string }
type Reader = (text: string) => Read

const readers: Readonly<Record<ProductColumn, Reader>> = {
  sku: by(sku),
  name: by(productName),
  description: by(productDescription),
  price_minor: whole(priceMinor),
  currency: by(currency),
  stock: orDefault(whole(stockCount), defaults.stock),
  active: orDefault(yesOrNo, defaults.active),
}

function by(schema: z.ZodType): Reader {
  return (text) => {
    const { success, data, error } = schema.safeParse(text)
    return success ? { value: data } : { reason: error.issues[0]?.message ?? 'is not valid' }
  }
}

const WHOLE = /^\s*-?\d{1,15}\s*$/

function whole(schema: z.ZodType): Reader {
  const read = by(schema)
  return (text) =>
    WHOLE.test(text)
      ? (read as (value: unknown) => Read)(Number(text))
      : { reason: 'must be a whole number, without points, commas or units' }
}

function orDefault(reader: Reader, value: unknown): Reader {
  return (text) => (text.trim() === '' ? { value } : reader(text))
}

function yesOrNo(text: string): Read {
  const word = text.trim().toLowerCase()
  if (word === 'true' || word === 'false') return { value: word === 'true' }
  return { reason: 'must be true or false' }
}
