/** What can go wrong at one boundary: a statement, a COMMIT, a call to the outside. */
import type { Answer } from '../run/session.ts'

/** `unsent`: it never happened. `unanswered`: it happened, and nobody was told. */
export type FaultKind =
  | 'unsent'
  | 'unanswered'
  | 'killed before'
  | 'killed after'
  | 'exhausted'
  | 'shut down'
  | Refusal

/** What the server answers instead, by SQLSTATE. */
export type Refusal = (typeof REFUSALS)[number]

/** Serialization failure, deadlock, statement timeout, disk full. */
const REFUSALS = ['40001', '40P01', '57014', '53100'] as const

export interface Fault {
  /** Counted from the start of a run. */
  readonly step: number
  readonly kind: FaultKind
}

export type BoundaryKind = 'checkout' | 'statement' | 'end' | 'call'

export interface Boundary {
  readonly label: string
  readonly kind: BoundaryKind
  /** Of the end of a transaction: what it consists of. */
  readonly within?: string
}

const EACH = ['unsent', 'unanswered', 'killed before', 'killed after'] as const

/** What ends a transaction is never refused by a timeout. */
const KINDS: Readonly<Record<BoundaryKind, readonly FaultKind[]>> = {
  checkout: ['exhausted'],
  statement: [...EACH, 'shut down', ...REFUSALS],
  end: [...EACH, 'shut down', '40001'],
  call: EACH,
}

export function faultsAt({ kind }: Boundary): readonly FaultKind[] {
  return KINDS[kind]
}

function isRefusal(kind: FaultKind): kind is Refusal {
  return (REFUSALS as readonly string[]).includes(kind)
}

const SAID: Readonly<Record<FaultKind, string>> = {
  unsent: 'the connection is lost before it gets there',
  unanswered: 'it is done, and the connection is lost before the answer',
  'killed before': 'the process is killed before it',
  'killed after': 'it is done, and the process is killed',
  exhausted: 'the pool has no connection left',
  'shut down': 'the server ends the connection instead (57P01)',
  '40001': 'refused: serialization failure (40001)',
  '40P01': 'refused: deadlock (40P01)',
  '57014': 'refused: statement timeout (57014)',
  '53100': 'refused: disk full (53100)',
}

export function isFaultKind(text: string): text is FaultKind {
  return Object.hasOwn(SAID, text)
}

export function saidOf(kind: FaultKind): string {
  return SAID[kind]
}

/** One boundary as it was passed in a run. */
export interface Passage extends Boundary {
  readonly values: readonly unknown[]
  /** What the process was at: a request, a turn of a loop, a delivery. */
  readonly part: number
  readonly place: string | undefined
  answer: Answer | undefined
  fault: FaultKind | undefined
}

/** How a driver tells that the connection, or the other side, is gone. */
export class ConnectionLost extends Error {
  readonly code = 'ECONNRESET'

  constructor(label: string) {
    super(`Connection terminated unexpectedly (${label})`)
  }
}

/** In the words of pg's pool. */
class PoolExhausted extends Error {
  constructor() {
    super('timeout exceeded when trying to connect')
  }
}

/** What the driver reports when an administrator ends the session. */
class ShutDown extends Error {
  readonly code = '57P01'
  readonly severity = 'FATAL'

  constructor() {
    super('terminating connection due to administrator command')
  }
}

export interface Passing<T> extends Boundary {
  readonly values?: readonly unknown[]
  /** The process that asks is dead. */
  gone(): boolean
  perform(): Promise<T>
  /** Leaves nothing of the connection, at either end. */
  cut(): Promise<void>
  /** Has the server answer with an error of this code instead. */
  refuse(code: Refusal): Promise<T>
  /** Whether what is performed waits for somebody else; undefined: it never does. */
  isBlocked?(): Promise<boolean>
}

/** What a dead process waits for. */
export const NEVER = new Promise<never>(() => {})

export interface GateParts {
  readonly fault: Fault | undefined
  kill(): Promise<void>
  /** What the process is at. */
  part(): number
  /** Where the code of the program has asked for it; undefined: nobody wants to know. */
  place(): string | undefined
}

/**
 * Counts the boundaries of one run, and lets the one fault of the run happen at its own.
 *
 * Messages that are sent side by side go one at a time, in the order of their calls: they have the
 * same numbers in each run. One that waits for a lock lets the others go.
 */
export class FaultGate {
  readonly passages: Passage[] = []
  /** What happened where, for the reader. */
  struck: string | undefined
  readonly #parts: GateParts
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  /** Somebody waits for an answer. */
  get busy(): boolean {
    return this.#waiting > 0
  }

  async pass<T>(passing: Passing<T>): Promise<T> {
    this.#waiting += 1
    const [part, place] = [this.#parts.part(), this.#parts.place()]
    const before = this.#last
    const { promise, resolve: letOthersGo } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    await rest()
    try {
      const gone = passing.gone() || (await this.#go(passing, { part, place }, letOthersGo))
      if (gone !== true) return gone.value
    } finally {
      this.#waiting -= 1
      letOthersGo()
    }
    // The process is dead: nobody waits for this any more.
    return NEVER
  }

  async #go<T>(
    passing: Passing<T>,
    asked: Pick<Passage, 'part' | 'place'>,
    letOthersGo: () => void,
  ): Promise<true | { readonly value: T }> {
    const { label, kind, within, values = [] } = passing
    const passage: Passage = {
      ...{ label, kind, values, ...asked, ...(within !== undefined && { within }) },
      answer: undefined,
      fault: undefined,
    }
    const step = this.passages.push(passage) - 1
    const { fault } = this.#parts
    if (fault?.step !== step) {
      const answer = answered(passage, passing.perform())
      await settledOrBlocked(answer, passing)
      letOthersGo()
      return { value: await answer }
    }
    this.struck = label
    passage.fault = fault.kind
    return this.#strike(fault.kind, passing, passage)
  }

  async #strike<T>(
    kind: FaultKind,
    passing: Passing<T>,
    passage: Passage,
  ): Promise<true | { readonly value: T }> {
    if (isRefusal(kind)) return { value: await answered(passage, passing.refuse(kind)) }
    if (kind === 'exhausted') throw new PoolExhausted()
    if (kind === 'unanswered' || kind === 'killed after') await answered(passage, passing.perform())
    if (kind === 'killed before' || kind === 'killed after') {
      await this.#parts.kill()
      return true
    }
    await passing.cut()
    throw kind === 'shut down' ? new ShutDown() : new ConnectionLost(passing.label)
  }
}

/** Code that does nothing but compute has asked for all that it will ask for. */
const REST_TURNS = 3

async function rest(): Promise<void> {
  for (let turn = 0; turn < REST_TURNS; turn++)
    await new Promise((resolve) => setImmediate(resolve))
}

/** Most statements are through before anybody has asked whether they wait. */
const LOOK_MS = 20

async function settledOrBlocked<T>(answer: Promise<T>, { isBlocked }: Passing<T>): Promise<void> {
  let settled = false
  const settle = () => {
    settled = true
  }
  const end = answer.then(settle, settle)
  while (!settled) {
    const timer = new AbortController()
    await Promise.race([end, pauseFor(LOOK_MS, timer.signal)])
    timer.abort()
    if (!settled && (await isBlocked?.())) return
  }
}

function pauseFor(timeMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeMs)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}

async function answered<T>(passage: Passage, answer: Promise<T>): Promise<T> {
  try {
    const value = await answer
    passage.answer = { ok: true, value }
    return value
  } catch (error) {
    passage.answer = { ok: false, error }
    throw error
  }
}
