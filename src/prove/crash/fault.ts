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
  perform(): Promise<T>
  /** Leaves nothing of the connection, at either end. */
  cut(): Promise<void>
  /** Has the server answer with an error of this code instead. */
  refuse(code: Refusal): Promise<T>
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

/** Counts the boundaries of one run, and lets the one fault of the run happen at its own. */
export class FaultGate {
  readonly passages: Passage[] = []
  /** What happened where, for the reader. */
  struck: string | undefined
  readonly #parts: GateParts

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  async pass<T>(passing: Passing<T>): Promise<T> {
    const { label, kind, values = [] } = passing
    const [part, place] = [this.#parts.part(), this.#parts.place()]
    const passage: Passage = {
      ...{ label, kind, values, part, place },
      answer: undefined,
      fault: undefined,
    }
    const step = this.passages.push(passage) - 1
    const { fault } = this.#parts
    if (fault?.step !== step) return answered(passage, passing.perform())
    this.struck = label
    passage.fault = fault.kind
    return this.#strike(fault.kind, passing, passage)
  }

  async #strike<T>(kind: FaultKind, passing: Passing<T>, passage: Passage): Promise<T> {
    if (isRefusal(kind)) return answered(passage, passing.refuse(kind))
    if (kind === 'exhausted') throw new PoolExhausted()
    if (kind === 'unanswered' || kind === 'killed after') await answered(passage, passing.perform())
    if (kind === 'killed before' || kind === 'killed after') {
      await this.#parts.kill()
      // The process is gone: nobody waits for this any more.
      return NEVER
    }
    await passing.cut()
    throw kind === 'shut down' ? new ShutDown() : new ConnectionLost(passing.label)
  }
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
