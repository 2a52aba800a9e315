/**
 * The seed of the pairs, and the calls that each command accepts on it. Where a command finds no row
 * that it could work on, the others are let do what they do, a few rounds long, and the seed is what
 * they leave.
 */
import { isFault } from '../../base/fault.ts'
import { SeededRandom } from '../../base/seeded-random.ts'
import type { RegisteredCommand, RegisteredOperation } from '../../operation/registered.ts'
import type { Arenas } from '../arena/arenas.ts'
import { Learned } from '../draw/draw-input.ts'
import type { RowPool } from '../draw/row-pool.ts'
import type { RaceSetup } from '../race.ts'
import { type FindOptions, type Found, findCalls } from './find-calls.ts'
import { Ground, type LoneRun, poolOf, type TableRows } from './ground.ts'
import type { Pairs } from './pairs.ts'
import { mainTenant, type SeedRowOf, seedRowsOf, seedText } from './seed-text.ts'

export interface Prepared {
  readonly ground: Ground
  readonly pool: RowPool
  readonly tenant: string
  readonly learned: Learned
  readonly found: readonly Found[]
  /** Undefined where the seed cannot be told as rows (a trigger adds some). */
  readonly rows: readonly SeedRowOf[] | undefined
}

/** What is made in one may be moved in the next, and ended in the third. */
const GROW_ROUNDS = 3
/** Less than for a call that counts: another round comes. */
const GROW_TRIES_MAX = 10
/** Where no row says whose it is. */
const TENANT = 'acme'

export async function prepare(
  pairs: Pairs,
  seed: number,
  arenas: Arenas,
  signal?: AbortSignal,
): Promise<Prepared> {
  return new Preparation(pairs, seed, arenas, signal).run()
}

class Preparation {
  readonly #pairs: Pairs
  readonly #seed: number
  readonly #arenas: Arenas
  readonly #signal: AbortSignal | undefined
  readonly #learned = new Learned()
  #tenant = ''
  #grown = 0

  constructor(pairs: Pairs, seed: number, arenas: Arenas, signal?: AbortSignal) {
    this.#pairs = pairs
    this.#seed = seed
    this.#arenas = arenas
    this.#signal = signal
  }

  async run(): Promise<Prepared> {
    const given = this.#pairs.seed ?? ''
    const first = await Ground.open(this.#pairs, given, this.#arenas)
    const tables = await first.tables()
    this.#tenant = this.#pairs.tenant ?? mainTenant(tables) ?? TENANT
    const found = await this.#findAll(first, tables)
    const kept = await this.#onCopy(seedRowsOf(tables), found)
    const lacks = found.some(({ calls, hopeless }) => calls.length === 0 && !hopeless)
    if (!lacks) return kept ?? this.#prepared(first, tables, found, undefined)
    await this.#grow(first, found)
    const grown = await this.#onCopy(seedRowsOf(await first.tables()))
    if (grown !== undefined && drawnOf(grown.found) > drawnOf(found)) return grown
    return kept ?? this.#onItself(given, found)
  }

  /** The seed as it was given, where no copy of it is the same. */
  async #onItself(given: RaceSetup, found: readonly Found[]): Promise<Prepared> {
    this.#arenas.forget()
    const ground = await Ground.open(this.#pairs, given, this.#arenas)
    return this.#prepared(ground, await ground.tables(), found, undefined)
  }

  async #onCopy(
    rows: readonly SeedRowOf[],
    found?: readonly Found[],
  ): Promise<Prepared | undefined> {
    const ground = await this.#copied(rows)
    if (ground === undefined) return undefined
    const tables = await ground.tables()
    return this.#prepared(ground, tables, found ?? (await this.#findAll(ground, tables)), rows)
  }

  #prepared(
    ground: Ground,
    tables: readonly TableRows[],
    found: readonly Found[],
    rows: readonly SeedRowOf[] | undefined,
  ): Prepared {
    const pool = poolOf(tables, this.#tenant)
    return { ground, rows, pool, found, tenant: this.#tenant, learned: this.#learned }
  }

  /** A database with these rows, if that is what comes of them. */
  async #copied(rows: readonly SeedRowOf[]): Promise<Ground | undefined> {
    const text = seedText(rows)
    try {
      const ground = await Ground.open(this.#pairs, text, this.#arenas)
      return seedText(seedRowsOf(await ground.tables())) === text ? ground : undefined
    } catch (error) {
      if (isFault(error, 'HF_PROVE_SETUP')) return undefined
      throw error
    }
  }

  #commands({ registry }: Ground): RegisteredCommand[] {
    const { except = [] } = this.#pairs
    return [...registry.operations.values()]
      .filter(isCommand)
      .filter(({ name }) => !except.includes(name))
  }

  async #findAll(ground: Ground, tables: readonly TableRows[]): Promise<Found[]> {
    const found: Found[] = []
    const pool = poolOf(tables, this.#tenant)
    for (const command of this.#commands(ground))
      found.push(await findCalls(command, this.#options(ground, pool, command)))
    return found
  }

  /** A command draws the same whatever others there are. */
  #options(ground: Ground, pool: RowPool, { name }: RegisteredCommand): FindOptions {
    const random = new SeededRandom(this.#seed + hashOf(name))
    const [tenant, learned, signal] = [this.#tenant, this.#learned, this.#signal]
    return { ground, pool, tenant, random, learned, signal }
  }

  /** What makes rows comes first, and more often than what uses them up. */
  async #grow(ground: Ground, found: readonly Found[]): Promise<void> {
    const hopeful = found.filter(({ hopeless }) => !hopeless).map(({ command }) => command)
    const drawn = found.filter(({ calls }) => calls.some(({ run }) => run.adds))
    const adding = new Set(drawn.map(({ command }) => command))
    const done = new Set<RegisteredCommand>()
    for (let round = 0; round < GROW_ROUNDS; round++) {
      for (const command of [...adding, ...hopeful]) {
        const run = await this.#growBy(command, ground)
        if (run !== undefined) done.add(command)
        if (run?.adds) adding.add(command)
      }
      if (done.size === hopeful.length) return
    }
  }

  async #growBy(command: RegisteredCommand, ground: Ground): Promise<LoneRun | undefined> {
    this.#grown += 1
    const pool = poolOf(await ground.tables(), this.#tenant)
    const { calls } = await findCalls(command, {
      ...this.#options(ground, pool, command),
      random: new SeededRandom(this.#seed + hashOf(command.name) + this.#grown),
      triesMax: GROW_TRIES_MAX,
      callsMax: 1,
      key: () => `grown-${++this.#grown}`,
    })
    return calls[0]?.run
  }
}

function drawnOf(found: readonly Found[]): number {
  return found.filter(({ calls }) => calls.length > 0).length
}

function isCommand(operation: RegisteredOperation): operation is RegisteredCommand {
  return operation.kind === 'command'
}

/** Of a name, for a generator of its own. */
function hashOf(name: string): number {
  return [...name].reduce((hash, char) => (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0, 7)
}
