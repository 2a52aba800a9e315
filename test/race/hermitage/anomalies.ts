/**
 * The ten anomalies of the Hermitage suite, each as programs over two rows and as what somebody must
 * have seen, in one of the schedules, for the anomaly to be there. What a program reads is noted as it
 * goes; a program that is refused by the server has seen nothing.
 */
import type { RaceDefinition } from '../../../src/prove/race.ts'
import { type Db, number, type Queries, type Tx } from '../sql.ts'

export const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const
export type Level = (typeof LEVELS)[number]

/** What the programs have read, by program and in order; only of those that went through. */
export type Seen = Readonly<Record<string, readonly number[]>>

type Program = (tx: Queries) => Promise<number[]>

export interface AnomalyCase {
  readonly programs: Readonly<Record<string, Program>>
  /** Also the rows at the end, as value by id. */
  shown(seen: Seen, rows: readonly (number | undefined)[]): boolean
  /** Of the levels of Postgres. */
  readonly allowedAt: readonly Level[]
}

const read = (tx: Queries, id: number) => number(tx, 'SELECT value FROM test WHERE id = $1', [id])
const write = (tx: Queries, id: number, value: number) =>
  tx.query('UPDATE test SET value = $2 WHERE id = $1', [id, value])
const countOf = (tx: Queries, condition: string) =>
  number(tx, `SELECT count(*) FROM test WHERE ${condition}`)

const writeBoth =
  (one: number, two: number): Program =>
  async (tx) => {
    await write(tx, 1, one)
    await write(tx, 2, two)
    return []
  }

const at = (seen: Seen, name: string, index: number) => seen[name]?.[index]

const RC: Level = 'read committed'
const RR: Level = 'repeatable read'

const dirtyWrite: AnomalyCase = {
  programs: { t1: writeBoth(11, 21), t2: writeBoth(12, 22) },
  shown: (_, [, one, two]) => (one === 11 && two === 22) || (one === 12 && two === 21),
  allowedAt: [],
}

/** The writer gives up in the end: `rolledBack` tells the runner so. */
const rolledBack = new Error('rolled back on purpose')

const abortedRead: AnomalyCase = {
  programs: {
    t1: async (tx) => {
      await write(tx, 1, 101)
      throw rolledBack
    },
    t2: async (tx) => [await read(tx, 1), await read(tx, 1)],
  },
  shown: (seen) => seen.t2?.includes(101) ?? false,
  allowedAt: [],
}

const intermediateRead: AnomalyCase = {
  programs: {
    t1: async (tx) => {
      await write(tx, 1, 101)
      await write(tx, 1, 11)
      return []
    },
    t2: async (tx) => [await read(tx, 1), await read(tx, 1)],
  },
  shown: (seen) => seen.t2?.includes(101) ?? false,
  allowedAt: [],
}

const circularFlow: AnomalyCase = {
  programs: {
    t1: async (tx) => {
      await write(tx, 1, 11)
      return [await read(tx, 2)]
    },
    t2: async (tx) => {
      await write(tx, 2, 22)
      return [await read(tx, 1)]
    },
  },
  shown: (seen) => at(seen, 't1', 0) === 22 && at(seen, 't2', 0) === 11,
  allowedAt: [],
}

/** The third has seen a write of the second, and then reads what the second had overwritten. */
const observedVanishes: AnomalyCase = {
  programs: {
    t1: writeBoth(11, 19),
    t2: writeBoth(12, 18),
    t3: async (tx) => [await read(tx, 1), await read(tx, 2)],
  },
  shown: ({ t3 = [] }, [, last]) =>
    (last === 12 && t3[0] === 12 && t3[1] === 19) || (last === 11 && t3[0] === 11 && t3[1] === 18),
  allowedAt: [],
}

const predicateManyPreceders: AnomalyCase = {
  programs: {
    t1: async (tx) => [await countOf(tx, 'value = 30'), await countOf(tx, 'value % 3 = 0')],
    t2: async (tx) => {
      await tx.query('INSERT INTO test VALUES (3, 30)')
      return []
    },
  },
  shown: (seen) => at(seen, 't1', 0) === 0 && at(seen, 't1', 1) === 1,
  allowedAt: [RC],
}

const lostUpdate: AnomalyCase = {
  programs: {
    t1: async (tx) => {
      const value = await read(tx, 1)
      await write(tx, 1, value + 1)
      return [value]
    },
    t2: async (tx) => {
      const value = await read(tx, 1)
      await write(tx, 1, value + 2)
      return [value]
    },
  },
  shown: (seen) => at(seen, 't1', 0) === 10 && at(seen, 't2', 0) === 10,
  allowedAt: [RC],
}

const readSkew: AnomalyCase = {
  programs: {
    t1: async (tx) => [await read(tx, 1), await read(tx, 2)],
    t2: writeBoth(12, 18),
  },
  shown: (seen) => at(seen, 't1', 0) === 10 && at(seen, 't1', 1) === 18,
  allowedAt: [RC],
}

const writeOne =
  (id: number, value: number): Program =>
  async (tx) => {
    const values = [await read(tx, 1), await read(tx, 2)]
    await write(tx, id, value)
    return values
  }

const writeSkew: AnomalyCase = {
  programs: { t1: writeOne(1, 11), t2: writeOne(2, 21) },
  shown: (seen) => at(seen, 't1', 1) === 20 && at(seen, 't2', 0) === 10,
  allowedAt: [RC, RR],
}

const insertOne =
  (id: number, value: number): Program =>
  async (tx) => {
    const found = await countOf(tx, 'value % 3 = 0')
    await tx.query('INSERT INTO test VALUES ($1, $2)', [id, value])
    return [found]
  }

const predicateSkew: AnomalyCase = {
  programs: { t1: insertOne(3, 30), t2: insertOne(4, 42) },
  shown: (seen) => at(seen, 't1', 0) === 0 && at(seen, 't2', 0) === 0,
  allowedAt: [RC, RR],
}

export const ANOMALIES: Readonly<Record<string, AnomalyCase>> = {
  G0: dirtyWrite,
  G1a: abortedRead,
  G1b: intermediateRead,
  G1c: circularFlow,
  OTV: observedVanishes,
  PMP: predicateManyPreceders,
  P4: lostUpdate,
  'G-single': readSkew,
  'G2-item': writeSkew,
  G2: predicateSkew,
}

async function runProgram(tx: Tx, level: Level, program: Program): Promise<number[] | undefined> {
  await tx.query(`BEGIN ISOLATION LEVEL ${level}`)
  try {
    const values = await program(tx)
    await tx.query('COMMIT')
    return values
  } catch (error) {
    await tx.query('ROLLBACK')
    const refused = ['40001', '40P01'].includes(String((error as { code?: string }).code))
    if (refused || error === rolledBack) return undefined
    throw error
  } finally {
    tx.release()
  }
}

async function rowsNow(db: Db): Promise<(number | undefined)[]> {
  const rows: (number | undefined)[] = []
  const found = await db.query<{ id: number; value: number }>('SELECT id, value FROM test')
  for (const { id, value } of found.rows) rows[id] = value
  return rows
}

/** The one rule of the race is that the anomaly does not show. */
export function anomalyRace(anomaly: AnomalyCase, level: Level): RaceDefinition {
  const seen: Record<string, readonly number[]> = {}
  const names = Object.keys(anomaly.programs)
  const ended = new Set<string>()
  const command = (name: string, program: Program) => async (db: Db) => {
    ended.delete(name)
    delete seen[name]
    const values = await runProgram(await db.connect(), level, program)
    if (values) seen[name] = values
    ended.add(name)
  }
  const programs = Object.entries(anomaly.programs)
  return {
    schema: 'CREATE TABLE test (id int PRIMARY KEY, value int NOT NULL)',
    seed: 'INSERT INTO test VALUES (1, 10), (2, 20)',
    run: Object.fromEntries(programs.map(([name, program]) => [name, command(name, program)])),
    serial: false,
    allow: ['deadlock'],
    invariants: {
      'the anomaly does not show': async (db) => {
        if (ended.size < names.length) return undefined
        const shown = anomaly.shown(seen, await rowsNow(db))
        return shown ? JSON.stringify(seen) : undefined
      },
    },
  }
}
