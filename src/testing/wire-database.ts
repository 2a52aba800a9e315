/** A database of its own behind a proxy that counts and cuts: for tests of pools and transactions. */
import { systemClock } from '../base/clock.ts'
import { Pool, type PoolOptions } from '../database/pool.ts'
import { type RunOptions, runTransaction } from '../database/run-transaction.ts'
import type { Rows, Statement } from '../database/statement.ts'
import type { Transaction } from '../database/transaction.ts'
import { TcpProxy } from './tcp-proxy.ts'
import { type TestDatabase, testDatabase } from './test-database.ts'

/** Far above what a loaded machine needs; a test that hangs ends with it. */
const TIMEOUT_MS = 60_000

const XID: Statement = { text: 'SELECT pg_current_xact_id()::text AS xid', values: [] }

export class WireDatabase {
  readonly database: TestDatabase
  readonly proxy: TcpProxy
  readonly #pools: Pool[] = []

  private constructor(database: TestDatabase, proxy: TcpProxy) {
    this.database = database
    this.proxy = proxy
  }

  static async make(...schema: readonly string[]): Promise<WireDatabase> {
    const database = await testDatabase()
    const made = new WireDatabase(database, await TcpProxy.start(database.url))
    if (schema.length > 0) await made.directly(...schema)
    return made
  }

  /** A pool by way of the proxy. Closed with the database. */
  pool(options: Partial<PoolOptions> = {}): Pool {
    const pool = new Pool({ url: this.proxy.url, ...options })
    this.#pools.push(pool)
    return pool
  }

  /** Past the proxy, on a connection of its own, one statement after the other. */
  async directly(...texts: readonly string[]): Promise<Rows[]> {
    const pool = new Pool({ url: this.database.url, connectionsMax: 1 })
    const results: Rows[] = []
    try {
      for (const text of texts) results.push(...(await pool.run([{ text, values: [] }])))
    } finally {
      await pool.close()
    }
    return results
  }

  /** How many trips `work` made. The pool's connection must be there already. */
  async tripsOf(work: () => Promise<unknown>): Promise<number> {
    const before = this.proxy.counters.trips
    await work()
    return this.proxy.counters.trips - before
  }

  async drop(): Promise<void> {
    for (const pool of this.#pools) await pool.close()
    await this.proxy.close()
    await this.database.drop()
  }
}

/** A transaction whose opening asks for its id, as that of a command does. */
export function plainTransaction<T>(
  pool: Pool,
  work: (tx: Transaction, attempt: number) => Promise<T>,
  options: Partial<RunOptions> = {},
): Promise<T> {
  const defaults = {
    isolation: 'serializable',
    deadlineMs: systemClock.monotonicMs() + TIMEOUT_MS,
    opening: () => [XID],
    inDoubt: 'xid',
  } as const
  return runTransaction(pool, { ...defaults, ...options }, work)
}
