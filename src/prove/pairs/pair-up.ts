/** Which commands race with which, and on which calls: those that meet on the same rows. */
import type { ScenarioCall } from '../app/scenario.ts'
import { keyText } from '../draw/draw-input.ts'
import type { RowPool } from '../draw/row-pool.ts'
import type { Found, FoundCall } from './find-calls.ts'
import type { LoneRun } from './ground.ts'

/** Two calls that race. */
export interface Pair {
  /** As an identifier. */
  readonly name: string
  readonly operations: readonly string[]
  readonly run: Readonly<Record<string, ScenarioCall>>
}

/** A command with itself. `names`: of all commands, as identifiers. */
export function twice(
  { command, calls }: Found,
  names: ReadonlyMap<string, string>,
): readonly Pair[] {
  const name = names.get(command.name) as string
  const [first] = calls
  if (first === undefined) return []
  const crossed = calls.find((call) => call.crossed !== undefined)
  const pair = (suffix: string, one: ScenarioCall, two: ScenarioCall): Pair => ({
    name: `${name}${suffix}`,
    operations: [command.name],
    run: { [name]: one, [`${name}Again`]: two },
  })
  return [
    pair('Twice', first.call, first.call),
    ...(crossed?.crossed ? [pair('Crosswise', crossed.call, crossed.crossed)] : []),
  ]
}

/** A command and the call that it comes with. */
export interface Meeting {
  readonly found: Found
  readonly call: FoundCall
}

export function together(one: Meeting, two: Meeting, names: ReadonlyMap<string, string>): Pair {
  const operations = [one.found.command.name, two.found.command.name]
  const [left = '', right = ''] = operations.map((operation) => names.get(operation))
  return {
    name: `${left}With${right.slice(0, 1).toUpperCase()}${right.slice(1)}`,
    operations,
    run: { [left]: one.call.call, [right]: two.call.call },
  }
}

/** One touches a table that the other writes. */
export function shareTable(one: Found, two: Found): boolean {
  return one.calls.some(({ run }) => two.calls.some((other) => meet(run, other.run)))
}

/** Two calls, and how many rows they have in common. */
export interface Near {
  readonly one: FoundCall
  readonly two: FoundCall
  readonly common: number
}

/** The calls that have most rows in common; the first ones where they have none. */
export function nearest(one: Found, two: Found, pool: RowPool): Near {
  const all = one.calls.flatMap((left) =>
    two.calls.map((right) => ({
      one: left,
      two: right,
      common: rowsOfCall(left, pool).intersection(rowsOfCall(right, pool)).size,
    })),
  )
  return all.reduce((best, next) => (next.common > best.common ? next : best))
}

/** The rows that it names or works on, and those that they belong to: `table key`. */
export function rowsOfCall({ run, rows }: FoundCall, pool: RowPool): ReadonlySet<string> {
  const named = rows.flatMap((row) => pool.keysOf(row))
  const touched = run.touches.flatMap(({ table, key }) =>
    key === undefined ? [] : [{ table, value: key }],
  )
  return new Set([...named, ...touched].map(({ table, value }) => `${table} ${keyText(value)}`))
}

function meet({ touches }: LoneRun, other: LoneRun): boolean {
  return touches.some((left) =>
    other.touches.some((right) => left.table === right.table && (left.writes || right.writes)),
  )
}

/** `ordering.place-order` is `placeOrder`, or `orderingPlaceOrder` where another module has one too. */
export function identifiers(operations: readonly string[]): ReadonlyMap<string, string> {
  const short = (operation: string) => camel(operation.slice(operation.indexOf('.') + 1))
  const counts = Map.groupBy(operations, short)
  return new Map(
    operations.map((operation) => {
      const name = short(operation)
      return [operation, counts.get(name)?.length === 1 ? name : camel(operation)]
    }),
  )
}

function camel(name: string): string {
  return name.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase())
}
