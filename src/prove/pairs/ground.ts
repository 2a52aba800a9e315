/**
 * Where commands are tried: a database of the app with the rows of the seed, one call at a time. What
 * a call touches is measured in its undisturbed run: by its statements, the tables that it has locked
 * before COMMIT (triggers and functions do not show in a text), and the rows that differ behind it.
 */
import type pg from 'pg'
import { registryOf } from '../app/app-registry.ts'
import { type ScenarioCall, scenario } from '../app/scenario.ts'
import type { Arena, Contents } from '../arena/arena.ts'
import type { Arenas } from '../arena/arenas.ts'
import { keyText } from '../draw/draw-input.ts'
import { RowPool } from '../draw/row-pool.ts'
import { Statements } from '../footprint/statements.ts'
import type { RaceCommand, RaceSetup } from '../race.ts'
import { freeze } from '../run/frozen.ts'
import { runSchedule, type Step } from '../run/schedule.ts'
import { serially } from '../search.ts'
import type { Pairs } from './pairs.ts'
import { type ColumnFacts, readColumns, readRows, type StoredRow, TABLE_LOCKS } from './store.ts'

/** A row that a call has to do with. */
export interface Touch {
  readonly table: string
  /** Undefined: any. */
  readonly key: string | undefined
  readonly writes: boolean
}

/** What came of one call that nobody disturbed. */
export interface LoneRun {
  readonly accepted: boolean
  /** What it was answered, in one line. */
  readonly answer: string
  /** It cannot be explored as it is, whatever its input: why, and what to do. */
  readonly complaint: string | undefined
  readonly touches: readonly Touch[]
  /** It left more rows in some table. */
  readonly adds: boolean
}

export interface TableRows {
  readonly table: string
  readonly columns: readonly ColumnFacts[]
  readonly rows: readonly StoredRow[]
}

/** Tables of the framework are common to all commands. */
const FRAMEWORK = /^holdfast\./

export class Ground {
  readonly pairs: Pairs
  readonly seed: RaceSetup
  readonly arena: Arena
  readonly #statements: Statements

  private constructor(pairs: Pairs, seed: RaceSetup, arena: Arena, statements: Statements) {
    this.pairs = pairs
    this.seed = seed
    this.arena = arena
    this.#statements = statements
  }

  /** The database is that of the arenas. */
  static async open(pairs: Pairs, seed: RaceSetup, arenas: Arenas): Promise<Ground> {
    const [operation = { name: '' }] = registryOf(pairs.app).operations.values()
    // For its database alone: it never runs.
    const any = { operation, input: undefined, asking: { tenant: '' } }
    const arena = await arenas.open(raceOf(pairs, seed, { one: any, two: any }))
    return new Ground(pairs, seed, arena, await Statements.read(arena.control))
  }

  get registry() {
    return registryOf(this.pairs.app)
  }

  /** Rows as they are now, tables that others refer to first. */
  async tables(): Promise<TableRows[]> {
    const columns = Map.groupBy(await readColumns(this.arena.control), ({ table }) => table)
    const tables: TableRows[] = []
    for (const index of this.arena.order.toReversed()) {
      const table = this.arena.names[index] as string
      const own = columns.get(table)?.filter(({ generated }) => !generated)
      if (own === undefined) continue
      tables.push({ table, columns: own, rows: await readRows(this.arena.control, table, own) })
    }
    return tables
  }

  /** `keep`: what it did stays; else the seed is as it was. */
  async run(call: ScenarioCall, keep = false): Promise<LoneRun> {
    const before = keep ? await this.arena.contents() : this.arena.seed
    const race = raceOf(this.pairs, this.seed, { one: call, two: call })
    const locks: Touch[] = []
    const one: RaceCommand = (db, world) =>
      (race.run.one as RaceCommand)(watchingLocks(db, locks), world)
    using _frozen = freeze()
    const result = await runSchedule({
      arena: this.arena,
      statements: this.#statements,
      race: { ...race, run: { one, two: one } },
      chooser: serially([0]),
      commands: [0],
    })
    if (!keep) await this.arena.reset(result.contents)
    const [answer] = result.results
    return {
      ...answerOf(answer),
      complaint: result.complaint,
      touches: [
        ...result.steps.flatMap((step) => this.#touches(step)),
        ...this.#changed(before, result.contents),
        ...locks.filter(({ table }) => !FRAMEWORK.test(table)),
      ],
      adds: this.arena.names.some(
        (table, at) =>
          !FRAMEWORK.test(table) && lengthOf(result.contents, at) > lengthOf(before, at),
      ),
    }
  }

  #touches({ sql, values }: Step): Touch[] {
    return this.#statements
      .facts(sql)
      .accesses.filter(({ table }) => !FRAMEWORK.test(table))
      .map(({ table, writes, key }) => {
        const value = key?.parameter === undefined ? key?.constant : values[key.parameter - 1]
        return { table, writes, key: value === undefined ? undefined : keyText(value) }
      })
  }

  #changed(before: Contents, now: Contents): Touch[] {
    return this.arena.names.flatMap((table, at) =>
      FRAMEWORK.test(table) || now[at]?.join() === before[at]?.join()
        ? []
        : [{ table, writes: true, key: undefined }],
    )
  }
}

function lengthOf(contents: Contents, table: number): number {
  return contents[table]?.length ?? 0
}

export function raceOf(
  { app, services, invariants, serial, ignore, allow }: Pairs,
  seed: RaceSetup,
  run: Readonly<Record<string, ScenarioCall>>,
) {
  return scenario({
    app,
    seed,
    run,
    ...(services && { services }),
    ...(invariants && { invariants }),
    ...(serial !== undefined && { serial }),
    ...(ignore && { ignore }),
    ...(allow && { allow }),
  })
}

function answerOf(answer: { ok: boolean; value?: unknown; error?: unknown } | undefined) {
  if (answer === undefined) return { accepted: false, answer: 'none' }
  if (!answer.ok) return { accepted: false, answer: (answer.error as Error).message }
  const { status, body } = answer.value as { status: number; body: unknown }
  return { accepted: status < 300, answer: `${status} ${shortly(body)}` }
}

/** Asks, before each COMMIT, which tables the transaction has locked, and how. */
function watchingLocks(pool: pg.Pool, locks: Touch[]): pg.Pool {
  const connect = async () => {
    const client = await pool.connect()
    const query = async (config: pg.QueryConfig) => {
      if (config.text === 'COMMIT') {
        const { rows } = await client.query<{ table: string; writes: boolean }>(TABLE_LOCKS)
        locks.push(...rows.map((row) => ({ ...row, key: undefined })))
      }
      return client.query(config)
    }
    return withQuery(client, query)
  }
  return { connect } as unknown as pg.Pool
}

function withQuery(client: pg.PoolClient, query: (config: pg.QueryConfig) => unknown) {
  return new Proxy(client, {
    get(target, name) {
      if (name === 'query') return query
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A problem is known by its code and what it says. */
function shortly(body: unknown): string {
  const { code, title, detail, violations } = (body ?? {}) as Record<string, unknown>
  const said = [code, detail ?? title, violations && JSON.stringify(violations)]
  const text = said.filter((part) => part !== undefined).join(': ')
  return (text === '' ? JSON.stringify(body) : text).slice(0, ANSWER_MAX)
}

/** One line of a report. */
const ANSWER_MAX = 200

/** The rows of the tenant, for inputs. */
export function poolOf(tables: readonly TableRows[], tenant: string): RowPool {
  return new RowPool(
    tables.flatMap(({ columns }) => columns),
    tables.flatMap(({ table, rows }) => rows.map(({ values }) => ({ table, values }))),
    tenant,
  )
}
