/** Inputs made of one that is accepted: taking all there is, taking it in another order, asking for less. */
import type { PoolRow } from './row-pool.ts'

/** Where a value stands in an input. */
export type Path = readonly (string | number)[]

export interface Leaf {
  readonly path: Path
  readonly value: unknown
}

export function leavesOf(value: unknown, path: Path = []): Leaf[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }]
  return Object.entries(value).flatMap(([key, part]) =>
    leavesOf(part, [...path, Array.isArray(value) ? Number(key) : key]),
  )
}

/** The input with another value there; `undefined` leaves the field or the item out. */
export function withValue(input: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  const inner = withValue((input as Record<string, unknown>)[key], rest, value)
  if (Array.isArray(input))
    return inner === undefined ? input.toSpliced(Number(key), 1) : input.with(Number(key), inner)
  const { [key]: _, ...others } = input as Record<string, unknown>
  return inner === undefined ? others : { ...(input as object), [key]: inner }
}

export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (at as Record<string, unknown> | undefined)?.[key],
    input,
  )
}

/**
 * With a number as large as one in the rows that it names, and with one more: where the first is
 * accepted and the other is not, it takes all there is, which two cannot both have.
 */
export function greedierInputs(
  input: unknown,
  rows: readonly PoolRow[],
): { readonly input: unknown; readonly more: unknown }[] {
  const numbers = rows.flatMap(({ values }) => Object.values(values)).filter(isCount)
  const sorted = [...new Set(numbers)].toSorted((left, right) => right - left)
  const leaves = leavesOf(input).filter(({ value }) => isCount(value))
  return leaves.flatMap(({ path, value }) =>
    sorted
      .filter((number) => number >= (value as number))
      .map((number) => ({
        input: withValue(input, path, number),
        more: withValue(input, path, number + 1),
      })),
  )
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

/** Rows that it names, in the other order: two that lock the same rows one by one meet crosswise. */
export function crossedInput(input: unknown, refs: readonly Reference[]): unknown {
  const reversed = reverseArrays(input)
  if (JSON.stringify(reversed) !== JSON.stringify(input)) return reversed
  for (const one of refs)
    for (const other of refs)
      if (one.table === other.table && one.row !== other.row)
        return withValue(
          withValue(input, one.path, valueAt(input, other.path)),
          other.path,
          valueAt(input, one.path),
        )
  return undefined
}

/** A row that an input names, and where. */
export interface Reference {
  readonly path: Path
  readonly table: string
  readonly row: PoolRow
}

function reverseArrays(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseArrays).toReversed()
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, reverseArrays(part)]))
}

/**
 * Each a step smaller: a field or an item less, a number toward 0, a shorter text. The larger steps
 * first.
 */
export function smallerInputs(input: unknown): unknown[] {
  const inner = partsOf(input)
  const without = inner
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => withValue(input, path, undefined))
  const smaller = leavesOf(input).flatMap(({ path, value }) =>
    smallerValues(value).map((less) => withValue(input, path, less)),
  )
  return [...without, ...smaller]
}

/** Everything in it that may be left out, the outer before the inner. */
function partsOf(value: unknown, path: Path = []): { path: Path }[] {
  if (typeof value !== 'object' || value === null) return [{ path }]
  const parts = Object.entries(value).flatMap(([key, part]) =>
    partsOf(part, [...path, Array.isArray(value) ? Number(key) : key]),
  )
  return [{ path }, ...parts]
}

function smallerValues(value: unknown): unknown[] {
  if (typeof value === 'number') return smallerNumbers(value)
  if (typeof value !== 'string') return value === true ? [false] : []
  const shorter = [value.slice(0, 1), value.slice(0, Math.ceil(value.length / 2))]
  return [...new Set(shorter)].filter((text) => text !== '' && text.length < value.length)
}

function smallerNumbers(value: number): number[] {
  const half = Math.trunc(value / 2)
  const all = [0, Math.sign(value), half, value - Math.sign(value)]
  return [...new Set(all)].filter((number) => Math.abs(number) < Math.abs(value))
}
