/**
 * A database that the explorer made, and the connections into it.
 *
 * Terms. The control connection logs in as administrator: it resets, reads what is there, and asks
 * who waits for whom. A seat is a connection of one command: they are kept from schedule to schedule.
 * Sequences start far above any number of a seed, so that a generated id is known by its value.
 */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import pg from 'pg'
import { HoldfastError } from '../../base/fault.ts'
import { randomToken } from '../../base/id.ts'
import { withAdmin } from '../../database/embedded/login-role.ts'
import { readSupportedVersion } from '../../database/server-version.ts'
import { isProcessAlive } from '../../runtime/process-liveness.ts'
import type { Race, RaceSetup } from '../race.ts'
import type { RaceServer } from '../verdict.ts'
import { readSql } from './read-sql.ts'
import {
  askBlocked,
  askLocks,
  type BlockedRow,
  BYPASS_TRIGGERS,
  cancel,
  contentsText,
  createDatabase,
  DEFAULT_ISOLATION,
  dropDatabase,
  HEED_REFERENCES,
  keepSeed,
  leaveOutText,
  listDatabases,
  listReferences,
  listSequences,
  listTables,
  quoted,
  setSequenceText,
  type TableName,
  TIDY_SESSION,
  truncateText,
} from './store.ts'

/** Room for what a schema generates while it is seeded, and far from any number of a seed. */
const SEQUENCE_START = 1_000_000n
const SEQUENCE_STEP = 1_000_000n
/** All rows are compared after each schedule. */
const SEED_ROWS_MAX = 5_000
/** A statement that needs longer on some rows of a seed does not end. */
const STATEMENT_TIMEOUT_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000

/** The rows of each table as JSON texts, in the order of their texts. */
export type Contents = readonly (readonly string[])[]

export interface SeedRow {
  readonly table: TableName
  /** As JSON text. */
  readonly row: string
}

const PREFIX = `holdfast_prove_${createHash('sha256').update(hostname()).digest('hex').slice(0, 8)}_`

function inDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

async function connect(url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: name,
    statement_timeout: STATEMENT_TIMEOUT_MS,
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

export class Arena {
  readonly tables: readonly TableName[]
  /** `schema.table`, by index. */
  readonly names: readonly string[]
  readonly seed: Contents
  readonly #server: RaceServer
  readonly #name: string
  readonly #control: pg.Client
  readonly #restores: readonly string[]
  readonly #sequences: string
  /** Indexes of the tables that are truncated together with one. */
  readonly #together: readonly (readonly number[])[]
  readonly #seats: Map<string, Promise<Seat>>
  readonly #made: Made

  private constructor(made: Made) {
    this.#made = made
    this.#seats = made.seats
    this.tables = made.tables
    this.names = made.tables.map(({ schema, name }) => `${schema}.${name}`)
    this.seed = made.seed
    this.#server = made.server
    this.#name = made.name
    this.#control = made.control
    this.#restores = made.restores
    this.#sequences = made.sequences
    this.#together = made.together
  }

  static async open(race: Pick<Race, 'schema' | 'seed'>, server: RaceServer): Promise<Arena> {
    const name = `${PREFIX}${process.pid}_${randomToken(6).toLowerCase().replaceAll('-', '_')}`
    try {
      await withAdmin(server.adminUrl, async (client) => {
        await readSupportedVersion(client)
        await dropLeftovers(client)
        await mayDo(() => createDatabase(client, name, server.owner))
      })
      return new Arena(await fill(name, race, server))
    } catch (error) {
      await withAdmin(server.adminUrl, (client) => dropDatabase(client, name)).catch(() => {})
      throw error
    }
  }

  /** Indexes of the tables: those that refer to others come before those that they refer to. */
  get order(): number[] {
    const referrers = (index: number) => this.#together[index]?.length ?? 0
    const order = this.tables.map((_, index) => index)
    return order.sort((left, right) => referrers(left) - referrers(right))
  }

  /** In the order of their tables. */
  get seedRows(): SeedRow[] {
    return this.order.flatMap((index) => {
      const table = this.tables[index] as TableName
      return (this.seed[index] ?? []).map((row) => ({ table, row }))
    })
  }

  /**
   * Leaves these rows of the seed out while `work` is at it, in the order of `seedRows`. Undefined where
   * they cannot be: others refer to them.
   */
  async without<T>(
    rows: readonly SeedRow[],
    work: (arena: Arena) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      const seed = await this.#leaveOut(rows)
      return seed && (await work(this.#fewer(seed)))
    } finally {
      await this.reset(await this.contents())
    }
  }

  async #leaveOut(rows: readonly SeedRow[]): Promise<Contents | undefined> {
    const texts = rows.map(({ table, row }) => leaveOutText(table, row))
    try {
      await this.#control.query(`BEGIN; ${HEED_REFERENCES}; ${texts.join('')} COMMIT`)
    } catch {
      await this.#control.query('ROLLBACK')
      return undefined
    }
    const left = await this.contents()
    // A trigger may have written instead.
    const isLess = left.every((rows, index) => rows.every((row) => this.seed[index]?.includes(row)))
    return isLess ? left : undefined
  }

  /** The same database, from another seed. */
  #fewer(seed: Contents): Arena {
    const restores = this.#made.restores.map((restore, index) => {
      const table = this.tables[index] as TableName
      const gone = without(this.seed[index] ?? [], seed[index] ?? [])
      return restore + gone.map((row) => leaveOutText(table, row)).join('')
    })
    return new Arena({ ...this.#made, seed, restores })
  }

  /** For reading: invariants, the catalog. */
  get control(): pg.Client {
    return this.#control
  }

  /** A connection of a command, made at the first call. */
  seat(command: number, index: number): Promise<Seat> {
    const key = `${command}.${index}`
    let seat = this.#seats.get(key)
    if (seat === undefined) {
      seat = Seat.open(inDatabase(this.#server.url, this.#name))
      this.#seats.set(key, seat)
    }
    return seat
  }

  /** A connection such as the commands have, for the caller to keep and to end. */
  connect(): Promise<pg.Client> {
    return connect(inDatabase(this.#server.url, this.#name), 'holdfast-prove')
  }

  async contents(): Promise<Contents> {
    return readContents(this.#control, this.tables)
  }

  /** Brings every table that differs from the seed back to it. */
  async reset(now: Contents): Promise<void> {
    const dirty = new Set<number>()
    for (const [index, rows] of now.entries())
      if (!sameRows(rows, this.seed[index] ?? []))
        for (const other of this.#together[index] ?? []) dirty.add(other)
    const names = [...dirty].map((index) => quoted(this.tables[index] as TableName))
    const restores = [...dirty].map((index) => this.#restores[index])
    const text = truncateText(names) + restores.join('') + this.#sequences
    if (text !== '') await this.#control.query(text)
  }

  blocked(waiting: readonly number[], all: readonly number[]): Promise<BlockedRow[]> {
    return askBlocked(this.#control, waiting, all)
  }

  locks(pid: number): Promise<{ table: string; mode: string }[]> {
    return askLocks(this.#control, pid)
  }

  cancel(pid: number): Promise<void> {
    return cancel(this.#control, pid)
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#seats.values()].map(async (seat) => (await seat).end()))
    await this.#control.end()
    await withAdmin(this.#server.adminUrl, (client) => dropDatabase(client, this.#name))
  }
}

interface Made {
  readonly server: RaceServer
  readonly name: string
  readonly control: pg.Client
  readonly tables: readonly TableName[]
  readonly seed: Contents
  readonly restores: readonly string[]
  readonly sequences: string
  readonly together: readonly (readonly number[])[]
  readonly seats: Map<string, Promise<Seat>>
}

async function fill(
  name: string,
  race: Pick<Race, 'schema' | 'seed'>,
  server: RaceServer,
): Promise<Made> {
  const url = inDatabase(server.url, name)
  await setUp(url, 'schema', race.schema)
  await setUp(url, 'seed', race.seed ?? [])
  const control = await connect(inDatabase(server.adminUrl, name), 'holdfast-prove-control')
  await mayDo(() => control.query(BYPASS_TRIGGERS))
  const tables = await listTables(control)
  const restores = await keepSeed(control, tables)
  const sequences = await sequenceTexts(control)
  await control.query('ANALYZE')
  const seed = await readContents(control, tables)
  const together = await truncatedTogether(control, tables)
  await control.query(`${sequences};`)
  return { server, name, control, tables, seed, restores, sequences, together, seats: new Map() }
}

export async function setUp(url: string, what: string, setup: RaceSetup): Promise<void> {
  try {
    await (typeof setup === 'function' ? setup(url) : runTexts(url, readSql(setup)))
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw new HoldfastError(
      'HF_PROVE_SETUP',
      `The ${what} of the race fails: ${(cause as Error).message}.`,
      { cause },
    )
  }
}

const INSUFFICIENT_PRIVILEGE = '42501'

async function runTexts(url: string, texts: readonly string[]): Promise<void> {
  const owner = await connect(url, 'holdfast-prove-seed')
  try {
    for (const text of texts) await owner.query(text)
  } finally {
    await owner.end()
  }
}

async function mayDo(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if ((cause as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) throw cause
    throw new HoldfastError(
      'HF_PROVE_PRIVILEGE',
      `The server refuses: ${(cause as Error).message}. The role needs CREATEDB and, as superuser: ` +
        'GRANT SET ON PARAMETER session_replication_role, deadlock_timeout TO <role>.',
      { cause },
    )
  }
}

async function sequenceTexts(control: pg.Client): Promise<string> {
  const sequences = await listSequences(control)
  const texts = sequences.flatMap(({ name, max }, index) => {
    const start = SEQUENCE_START + BigInt(index) * SEQUENCE_STEP
    // A smallint has no room for it: its ids stay small, and are compared as they are.
    return BigInt(max) > start + SEQUENCE_STEP ? [setSequenceText(name, start)] : []
  })
  return texts.join('')
}

async function readContents(control: pg.Client, tables: readonly TableName[]): Promise<string[][]> {
  const contents = tables.map((): string[] => [])
  if (tables.length === 0) return contents
  const { rows } = await control.query<{ t: number; r: string }>({
    name: 'contents',
    text: contentsText(tables),
  })
  if (rows.length > SEED_ROWS_MAX)
    throw new HoldfastError(
      'HF_PROVE_SETUP',
      `The tables hold ${rows.length} rows, and all are compared after each schedule: seed at most ${SEED_ROWS_MAX}.`,
    )
  for (const { t, r } of rows) contents[t]?.push(r)
  for (const list of contents) list.sort()
  return contents
}

/** One for one: rows may be equal. */
function without(rows: readonly string[], others: readonly string[]): string[] {
  const left = [...rows]
  for (const row of others) left.splice(left.indexOf(row), 1)
  return left
}

function sameRows(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((row, index) => row === right[index])
}

/** TRUNCATE takes a table only along with those that refer to it. */
async function truncatedTogether(
  control: pg.Client,
  tables: readonly TableName[],
): Promise<number[][]> {
  const { names, references } = await namesAndReferences(control, tables)
  return names.map((name, index) => {
    const found = new Set([index])
    const open = [name]
    for (let at = 0; at < open.length; at++)
      for (const { child, parent } of references) {
        const place = names.indexOf(child)
        if (parent !== open[at] || place < 0 || found.has(place)) continue
        found.add(place)
        open.push(child)
      }
    return [...found]
  })
}

async function namesAndReferences(control: pg.Client, tables: readonly TableName[]) {
  const references = await listReferences(control)
  // format('%I') quotes only where it must: compare without quotes.
  const bare = (name: string) => name.replaceAll('"', '')
  return {
    names: tables.map((table) => bare(quoted(table))),
    references: references.map(({ child, parent }) => ({
      child: bare(child),
      parent: bare(parent),
    })),
  }
}

async function dropLeftovers(client: pg.Client): Promise<void> {
  for (const name of await listDatabases(client, PREFIX))
    if (!isProcessAlive(Number(name.slice(PREFIX.length).split('_')[0])))
      await dropDatabase(client, name)
}

/** One connection of one command. */
export class Seat {
  readonly client: pg.Client
  readonly pid: number
  readonly isolation: string

  private constructor(client: pg.Client, isolation: string) {
    this.client = client
    this.pid = (client as unknown as { processID: number }).processID
    this.isolation = isolation
  }

  static async open(url: string): Promise<Seat> {
    const client = await connect(url, 'holdfast-prove')
    const { rows } = await client.query<{ default_transaction_isolation: string }>(
      DEFAULT_ISOLATION,
    )
    return new Seat(client, rows[0]?.default_transaction_isolation ?? 'read committed')
  }

  /** Ends what a command has left open. `changed`: settings or locks of the session too. */
  async tidy(changed: boolean): Promise<void> {
    const status = this.client.getTransactionStatus()
    if (status === 'T' || status === 'E') await this.client.query('ROLLBACK')
    if (changed) await this.client.query(TIDY_SESSION)
  }

  end(): Promise<void> {
    return this.client.end()
  }
}
