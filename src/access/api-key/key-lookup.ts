/**
 * Looks keys up by id, one statement at a time: what is asked for while one runs goes into the next.
 * A flood of made-up keys so costs one connection and not the pool.
 */
import { HoldfastError } from '../../base/fault.ts'
import type { Pool } from '../../database/pool.ts'
import { selectForVerification, type VerificationRow } from './store.ts'

/** What the database knows of a key that was asked for. */
export type FoundKey = VerificationRow

/** More ids wait only when the server is slow or somebody guesses; they are refused with 503. */
const WAITING_IDS_MAX = 1_000
/** Keeps one statement short: some milliseconds. */
const IDS_MAX = 100

interface Waiter {
  readonly resolve: (row: FoundKey | undefined) => void
  readonly reject: (error: unknown) => void
}

export class KeyLookup {
  readonly #pool: Pool
  #waiting = new Map<string, Waiter[]>()
  #running = false

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** Undefined where there is no such key. Rejects when the database cannot be asked. */
  find(id: string): Promise<FoundKey | undefined> {
    if (this.#waiting.size >= WAITING_IDS_MAX && !this.#waiting.has(id)) {
      const reason = `${WAITING_IDS_MAX} API keys are waiting to be looked up.`
      return Promise.reject(new HoldfastError('HF_POOL_EXHAUSTED', reason))
    }
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(id) ?? []
      waiters.push({ resolve, reject })
      this.#waiting.set(id, waiters)
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.size > 0) await this.#answer(this.#take())
    this.#running = false
  }

  #take(): Map<string, Waiter[]> {
    const taken = new Map([...this.#waiting].slice(0, IDS_MAX))
    for (const id of taken.keys()) this.#waiting.delete(id)
    return taken
  }

  async #answer(asked: Map<string, Waiter[]>): Promise<void> {
    try {
      const rows = await selectForVerification(this.#pool, [...asked.keys()])
      const found = new Map(rows.map((row) => [row.id, row]))
      for (const [id, waiters] of asked) {
        for (const waiter of waiters) waiter.resolve(found.get(id))
      }
    } catch (error) {
      this.#failAll(asked, error)
    }
  }

  /** Who waits for the next statement as well: it would fail just so, one timeout later. */
  #failAll(asked: Map<string, Waiter[]>, error: unknown): void {
    const failed = [...asked.values(), ...this.#waiting.values()].flat()
    this.#waiting = new Map()
    for (const waiter of failed) waiter.reject(error)
  }
}
