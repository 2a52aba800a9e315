/**
 * One run of a program with at most one fault in it, up to the point where nothing is left to do.
 *
 * Terms. A *process* is what `boot` has made, with a pool of its own; a killed one is followed by the
 * next. The *client* asks again with the same key until it has an answer. The *broker* hands a message
 * out until it is acknowledged. A run ends with everything once more: each message, each loop, and
 * the request, whose answer must still be the same.
 */
import type pg from 'pg'
import type { RaceEffect } from '../race.ts'
import { followTrail, userPlace } from '../run/trail.ts'
import type { ConnectionShelf } from './connection-shelf.ts'
import type { CrashDefinition, CrashMessage, CrashProgram, CrashWorld } from './crash.ts'
import { type Fault, FaultGate, NEVER, type Passage } from './fault.ts'
import type { Plan, Turn } from './plan.ts'
import { ProcessPool } from './process-pool.ts'

/** A client that gives up has lost its order: one fault costs one attempt, and its consequences another. */
const ATTEMPTS_MAX = 4
const ROUNDS_DEFAULT = 3
/** A loop that has failed runs again; what it left is done by the second time. */
const ROUNDS_AFTER_FAULT = 2
/** A message that is not acknowledged by then never will be. */
const DELIVERIES_MAX = 5
/**
 * Programs wait for the database and for calls to the world, and for nothing else: one that has asked
 * for neither when it was looked at so often, a second apart, waits for something else.
 */
const IDLE_LOOKS_MAX = 5
/** A statement that is not answered by then waits for a lock that nobody gives back. */
const BUSY_LOOKS_MAX = 15
const LOOK_MS = 1_000

const REQUEST = 'the request'

export interface CrashRun {
  readonly passages: readonly Passage[]
  readonly parts: readonly Part[]
  readonly struck: string | undefined
  readonly effects: readonly RecordedCall[]
  /** The first and the last answer that the client got; undefined: none. */
  readonly answers: readonly (Answer | undefined)[]
  /** Work that has neither ended nor asked for anything. */
  readonly stuck: string | undefined
  /** What the last request that failed has failed with. */
  readonly failure: unknown
}

/** What a process was at. */
export interface Part {
  readonly name: string
  /** Counted from 1. */
  readonly process: number
  /** By the client. */
  readonly asked: boolean
}

export interface RecordedCall {
  readonly kind: string
  readonly effect: RaceEffect
}

export interface Answer {
  readonly value: unknown
}

interface Delivery {
  readonly message: CrashMessage
  acked: boolean
}

type Ask = (db: pg.Pool) => Promise<unknown>
type Ended =
  | { readonly answer: Answer }
  | { readonly failure: unknown }
  | { readonly gone: 'killed' | 'stuck' }

export interface RunOptions {
  readonly fault: Fault | undefined
  /** How the messages come; as they are listed by default. */
  readonly plan: Plan | undefined
  /** Whether the places that statements come from are looked up. */
  readonly traced: boolean
}

export class CrashRunner {
  readonly #definition: CrashDefinition
  readonly #shelf: ConnectionShelf
  readonly #gate: FaultGate
  readonly #effects: RecordedCall[] = []
  readonly #remembered = new Map<string, unknown>()
  readonly #broker: Delivery[] = []
  readonly #answers: (Answer | undefined)[] = []
  readonly #turns: Turn[]
  readonly #parts: Part[] = []
  readonly #trail: Disposable | undefined
  #process: Process
  #processes = 0
  #asked = false
  #stuck: string | undefined
  #failure: unknown

  constructor(definition: CrashDefinition, shelf: ConnectionShelf, options: RunOptions) {
    this.#definition = definition
    this.#shelf = shelf
    this.#trail = options.traced ? followTrail() : undefined
    this.#gate = new FaultGate({
      fault: options.fault,
      kill: () => this.#process.kill(),
      part: () => this.#parts.length - 1,
      place: () => (options.traced ? userPlace() : undefined),
    })
    this.#process = this.#boot()
    const { messages = [] } = definition
    this.#turns = [...(options.plan?.turns ?? messages)]
    // They come by their turns first; once more, as they are listed.
    for (const message of messages) this.#broker.push({ message, acked: true })
  }

  /** Until nothing is left to do. */
  async once(): Promise<CrashRun> {
    this.#answers.push(await this.#request())
    await this.#background()
    return this.#seen()
  }

  /** The same once more, with everything delivered again. */
  async again(): Promise<CrashRun> {
    for (const delivery of this.#broker) delivery.acked = false
    await this.#background()
    this.#answers.push(await this.#request())
    await this.#background()
    return this.#seen()
  }

  async end(): Promise<void> {
    this.#trail?.[Symbol.dispose]()
    await this.#process.pool.abandon()
    await this.#shelf.settle()
  }

  #seen(): CrashRun {
    const { passages, struck } = this.#gate
    return {
      passages: [...passages],
      parts: [...this.#parts],
      effects: [...this.#effects, ...this.#outside()],
      answers: [...this.#answers],
      ...{ struck, stuck: this.#stuck, failure: this.#failure },
    }
  }

  #outside(): RecordedCall[] {
    return [...this.#remembered].map(([key, value]) => ({
      kind: 'remembered',
      effect: { key, value },
    }))
  }

  /** Undefined: there is nothing to ask for, or no answer. */
  async #request(): Promise<Answer | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { program, world } = this.#process
      const { request } = program
      if (request === undefined) return undefined
      const name = this.#asked ? `${REQUEST}, again` : REQUEST
      this.#asked = true
      const ended = await this.#work(name, (db) => request(db, world))
      if ('answer' in ended) return ended.answer
      if ('failure' in ended) this.#failure = ended.failure
    }
    return undefined
  }

  async #background(): Promise<void> {
    const rounds = this.#definition.rounds ?? ROUNDS_DEFAULT
    const recovers = () => this.#gate.struck !== undefined
    for (let round = 0, after = 0; round < rounds || (recovers() && after < ROUNDS_AFTER_FAULT); ) {
      round += 1
      if (recovers()) after += 1
      for (const name of Object.keys(this.#process.program.loops ?? {})) await this.#turn(name)
      await this.#deliver()
    }
  }

  async #turn(name: string): Promise<void> {
    const { program, world } = this.#process
    const loop = program.loops?.[name]
    if (loop) await this.#work(`loop ${name}`, (db) => loop(db, world))
  }

  async #deliver(): Promise<void> {
    for (let turn = this.#turns.shift(); turn !== undefined; turn = this.#turns.shift()) {
      if (turn === 'rest') break
      await this.#handOut({ message: turn, acked: false })
    }
    for (const delivery of [...this.#broker]) await this.#handOut(delivery)
  }

  async #handOut(delivery: Delivery): Promise<void> {
    for (let n = 0; n < DELIVERIES_MAX && !delivery.acked; n++) await this.#consume(delivery)
  }

  async #consume(delivery: Delivery): Promise<void> {
    const { consume } = this.#process.program
    if (consume === undefined) {
      delivery.acked = true
      return
    }
    const { message } = delivery
    const { world, call } = this.#process
    const acknowledge = () => {
      delivery.acked = true
    }
    const ack = () => call(`ack ${message.key}`, acknowledge)
    const ended = await this.#work(`message ${message.key}`, (db) =>
      consume(db, { message, ack }, world),
    )
    if ('answer' in ended) delivery.acked = true
  }

  /** Ends with the work, or with the process that it runs in. */
  async #work(name: string, ask: Ask): Promise<Ended> {
    if (this.#stuck !== undefined) return { gone: 'stuck' }
    const process = this.#process
    this.#parts.push({ name, process: this.#processes, asked: name.startsWith(REQUEST) })
    const timer = new AbortController()
    const ended = await Promise.race([
      ask(process.pool as unknown as pg.Pool).then(
        (value): Ended => ({ answer: { value } }),
        (failure: unknown): Ended => ({ failure }),
      ),
      process.killed,
      this.#idle(timer.signal),
    ])
    timer.abort()
    if ('gone' in ended) {
      if (ended.gone === 'stuck') this.#stuck = name
      await process.pool.abandon()
      this.#process = this.#boot()
    }
    return ended
  }

  /** Resolves when the work has come to a halt, or never. */
  #idle(signal: AbortSignal): Promise<{ readonly gone: 'stuck' }> {
    return new Promise((resolve) => {
      let [looks, passed] = [0, -1]
      const timer = setInterval(() => {
        const { busy, passages } = this.#gate
        looks = passages.length > passed ? 0 : looks + 1
        passed = passages.length
        if (looks >= (busy ? BUSY_LOOKS_MAX : IDLE_LOOKS_MAX)) resolve({ gone: 'stuck' })
      }, LOOK_MS)
      signal.addEventListener('abort', () => clearInterval(timer), { once: true })
    })
  }

  #boot(): Process {
    this.#processes += 1
    const pool = new ProcessPool(this.#gate, this.#shelf)
    const call: Call = (label, act) => this.#call(pool, label, act)
    return new Process({ program: this.#definition.boot(), pool, call, world: this.#world(call) })
  }

  /** Nobody outside hears of a process that is dead. */
  #call<T>(pool: ProcessPool, label: string, act: () => T): Promise<T> {
    if (pool.abandoned) return NEVER
    const perform = async () => act()
    const gone = () => pool.abandoned
    return this.#gate.pass({
      label,
      kind: 'call',
      gone,
      perform,
      cut: async () => {},
      refuse: perform,
    })
  }

  #world(call: Call): CrashWorld {
    const record = (kind: string, effect: RaceEffect, once: boolean) => () => {
      const known = this.#effects.some((other) => isSame(other, { kind, effect }))
      if (!once || !known) this.#effects.push({ kind, effect })
    }
    return {
      effect: (kind, effect) => call(`${kind} ${effect.key}`, record(kind, effect, false)),
      effectOnce: (kind, effect) => call(`${kind} ${effect.key}`, record(kind, effect, true)),
      call: (name, act) => call(name, () => act(this.#remembered)),
      publish: (message) =>
        call(`publish ${message.key}`, () => {
          this.#broker.push({ message, acked: false })
          record('published', message, true)()
        }),
    }
  }
}

function isSame(one: RecordedCall, other: RecordedCall): boolean {
  return one.kind === other.kind && one.effect.key === other.effect.key
}

type Call = <T>(label: string, act: () => T) => Promise<T>

interface ProcessParts {
  readonly program: CrashProgram
  readonly pool: ProcessPool
  readonly call: Call
  readonly world: CrashWorld
}

class Process implements ProcessParts {
  readonly program: CrashProgram
  readonly pool: ProcessPool
  readonly call: Call
  readonly world: CrashWorld
  readonly killed: Promise<{ readonly gone: 'killed' }>
  readonly #die: () => void

  constructor({ program, pool, call, world }: ProcessParts) {
    this.program = program
    this.pool = pool
    this.call = call
    this.world = world
    const { promise, resolve } = Promise.withResolvers<{ readonly gone: 'killed' }>()
    this.killed = promise
    this.#die = () => resolve({ gone: 'killed' })
  }

  async kill(): Promise<void> {
    await this.pool.abandon()
    this.#die()
  }
}
