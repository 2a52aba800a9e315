/** The sets of races whose verdicts are known beforehand, one list for the tests and the table. */
import type { FindingClass, RaceDefinition } from '../../src/prove/race.ts'
import { carts } from './acidrain/cart.ts'
import type { Cell } from './acidrain/cell.ts'
import { inventories } from './acidrain/inventory.ts'
import { type Level, shopOf } from './acidrain/shop.ts'
import { vouchers } from './acidrain/voucher.ts'
import { deadlocks } from './deadlock/deadlocks.ts'
import { ANOMALIES, anomalyRace, LEVELS } from './hermitage/anomalies.ts'
import { messages } from './museum/messages.ts'
import { money } from './museum/money.ts'
import { rows } from './museum/rows.ts'
import { stock } from './museum/stock.ts'
import { work } from './museum/work.ts'
import { expectationsOf } from './primitives/house.ts'
import { loops } from './primitives/loops.ts'
import { requests } from './primitives/requests.ts'
import { definitionOf, type TwinSet } from './twins.ts'

/** A race and what the explorer must say about it. */
export interface Expectation {
  readonly title: string
  readonly definition: RaceDefinition
  readonly broken: boolean
  /** What it must be called, where that is beyond dispute. */
  readonly finds: FindingClass | undefined
}

function fromTwins(set: TwinSet): Expectation[] {
  return Object.entries(set).flatMap(([name, twins]) => [
    {
      title: `${name}: broken`,
      definition: definitionOf(twins, twins.broken),
      broken: true,
      finds: twins.broken.finds,
    },
    ...Object.entries(twins.fixed).map(([how, form]) => ({
      title: `${name}: ${how}`,
      definition: definitionOf(twins, form),
      broken: false,
      finds: undefined,
    })),
  ])
}

function fromCell(cell: Cell, level: Level): Expectation {
  const { app, feature, anomaly, schema, seed, invariants, requests } = cell
  const run = Object.entries(requests).map(
    ([name, request]) =>
      [name, (db: Parameters<typeof shopOf>[0]) => request(shopOf(db, level))] as const,
  )
  const survives = level === 'read committed' || anomaly?.endsWith('-s') === true
  return {
    title: `${app} ${feature}${anomaly ? ` (${anomaly})` : ''} at ${level.toUpperCase()}`,
    definition: { schema, seed, run: Object.fromEntries(run), ...(invariants && { invariants }) },
    broken: anomaly !== undefined && survives,
    finds: undefined,
  }
}

const cells: readonly Cell[] = [...vouchers, ...inventories, ...carts]
const vulnerable = cells.filter(({ anomaly }) => anomaly !== undefined)

/** All cells as the shops ship them, and the vulnerable ones with every transaction SERIALIZABLE. */
export const acidRain: readonly Expectation[] = [
  ...cells.map((cell) => fromCell(cell, 'read committed')),
  ...vulnerable.map((cell) => fromCell(cell, 'serializable')),
]

export const hermitage: readonly Expectation[] = Object.entries(ANOMALIES).flatMap(
  ([name, anomaly]) =>
    LEVELS.map((level) => ({
      title: `${name} at ${level.toUpperCase()}`,
      definition: anomalyRace(anomaly, level),
      broken: anomaly.allowedAt.includes(level),
      finds: undefined,
    })),
)

export const museum: readonly Expectation[] = [money, stock, rows, messages, work].flatMap(
  fromTwins,
)

export const deadlockSet: readonly Expectation[] = fromTwins(deadlocks)

export const primitives: readonly Expectation[] = expectationsOf({ ...requests, ...loops })
