/** What can go wrong at one boundary: a statement, a COMMIT, a call to the outside. */

/** `unsent`: it never happened. `unanswered`: it happened, and nobody was told. */
export type FaultKind = 'unsent' | 'unanswered' | 'killed before' | 'killed after' | Refusal

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

/** A checkout fails where the pool is exhausted; what ends a transaction is never refused by a timeout. */
const KINDS: Readonly<Record<BoundaryKind, readonly FaultKind[]>> = {
  checkout: ['unsent'],
  statement: ['unsent', 'unanswered', 'killed before', 'killed after', ...REFUSALS],
  end: ['unsent', 'unanswered', 'killed before', 'killed after', '40001'],
  call: ['unsent', 'unanswered', 'killed before', 'killed after'],
}

export function faultsAt({ kind }: Boundary): readonly FaultKind[] {
  return KINDS[kind]
}

export function isRefusal(kind: FaultKind): kind is Refusal {
  return (REFUSALS as readonly string[]).includes(kind)
}

/** How a driver tells that the connection, or the other side, is gone. */
export class ConnectionLost extends Error {
  readonly code = 'ECONNRESET'

  constructor(label: string) {
    super(`Connection terminated unexpectedly (${label})`)
  }
}

export interface Passing<T> extends Boundary {
  perform(): Promise<T>
  /** Leaves nothing of the connection, at either end. */
  cut(): Promise<void>
  /** Has the server answer with an error of this code instead. */
  refuse(code: Refusal): Promise<T>
}

/** What a dead process waits for. */
export const NEVER = new Promise<never>(() => {})

/** Counts the boundaries of one run, and lets the one fault of the run happen at its own. */
export class FaultGate {
  readonly boundaries: Boundary[] = []
  /** What happened where, for the reader. */
  struck: string | undefined
  readonly #fault: Fault | undefined
  readonly #kill: () => Promise<void>

  constructor(fault: Fault | undefined, kill: () => Promise<void>) {
    this.#fault = fault
    this.#kill = kill
  }

  async pass<T>(passing: Passing<T>): Promise<T> {
    const step = this.boundaries.push({ label: passing.label, kind: passing.kind }) - 1
    if (this.#fault?.step !== step) return passing.perform()
    const { kind } = this.#fault
    this.struck = passing.label
    if (isRefusal(kind)) return passing.refuse(kind)
    if (kind === 'unanswered' || kind === 'killed after') await passing.perform()
    if (kind === 'killed before' || kind === 'killed after') {
      await this.#kill()
      // The process is gone: nobody waits for this any more.
      return NEVER
    }
    await passing.cut()
    throw new ConnectionLost(passing.label)
  }
}
