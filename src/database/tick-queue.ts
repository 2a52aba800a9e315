/**
 * Collects the statements that are asked for in one tick and sends them together; while a batch is
 * on its way the next ones wait for it, in order.
 */
import type { Row, Rows, Statement } from './statement.ts'

interface Pending {
  readonly statement: Statement
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: unknown) => void
}

export class TickQueue {
  readonly #send: (statements: readonly Statement[]) => Promise<readonly Rows[]>
  #pending: Pending[] = []
  #scheduled = false
  #sending: Promise<void> | undefined

  /** `send` answers each statement, in order, or rejects for all of them. */
  constructor(send: (statements: readonly Statement[]) => Promise<readonly Rows[]>) {
    this.#send = send
  }

  get sending(): boolean {
    return this.#sending !== undefined
  }

  /** Something is pending or on its way. */
  get busy(): boolean {
    return this.#pending.length > 0 || this.#sending !== undefined
  }

  add<R = Row>(statement: Statement): Promise<Rows<R>> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ statement, resolve: resolve as Pending['resolve'], reject })
      this.#schedule()
    })
  }

  /** After all microtasks of this tick: builders take some awaits until they ask for execution. */
  #schedule(): void {
    if (this.#scheduled || this.#sending !== undefined) return
    this.#scheduled = true
    queueMicrotask(() => process.nextTick(() => this.#start()))
  }

  #start(): void {
    this.#scheduled = false
    if (this.#pending.length === 0 || this.#sending !== undefined) return
    this.#sending = this.#sendPending().then(() => {
      this.#sending = undefined
      if (this.#pending.length > 0) this.#schedule()
    })
  }

  async #sendPending(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    try {
      const results = await this.#send(pending.map((each) => each.statement))
      for (const [index, each] of pending.entries()) each.resolve(results[index] as Rows)
    } catch (error) {
      for (const each of pending) each.reject(error)
    }
  }

  /** Resolves when nothing is pending or on its way: also what nobody awaited has come back. */
  async settle(): Promise<void> {
    while (this.busy) {
      if (this.#sending === undefined) this.#start()
      await this.#sending
    }
  }
}
