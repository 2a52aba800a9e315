/** A database of its own with the event log and the jobs in it, and a pool to it. */
import { systemClock } from '../base/clock.ts'
import { contextStatement } from '../database/context.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { databaseSource } from '../database/migrate/source.ts'
import { Pool, type PoolOptions } from '../database/pool.ts'
import { runTransaction } from '../database/run-transaction.ts'
import type { Rows, Statement } from '../database/statement.ts'
import type { Isolation, Transaction } from '../database/transaction.ts'
import { eventMigrations } from '../state/event/event.ts'
import { jobMigrations } from '../state/job/job.ts'
import { type TestDatabase, testDatabase } from './test-database.ts'

export class StateDatabase {
  readonly pool: Pool
  readonly #database: TestDatabase

  private constructor(database: TestDatabase, options: Partial<PoolOptions>) {
    this.#database = database
    this.pool = new Pool({ url: database.url, ...options })
  }

  static async make(options: Partial<PoolOptions> = {}): Promise<StateDatabase> {
    const database = await testDatabase()
    const sources = [databaseSource, eventMigrations, jobMigrations]
    await migrate({ url: database.url, sources })
    return new StateDatabase(database, options)
  }

  get name(): string {
    return this.#database.name
  }

  get url(): string {
    return this.#database.url
  }

  get adminUrl(): string {
    return this.#database.adminUrl
  }

  /** What an operation does: one transaction as holdfast_app, with a tenant. */
  async write(tenant: string, ...statements: readonly Statement[]): Promise<Rows[]> {
    return this.transaction(tenant, (tx) => Promise.all(statements.map((each) => tx.query(each))))
  }

  transaction<T>(
    tenant: string,
    work: (tx: Transaction) => Promise<T>,
    isolation: Isolation = 'serializable',
  ): Promise<T> {
    return appTransaction(this.pool, tenant, work, isolation)
  }

  async drop(): Promise<void> {
    await this.pool.close()
    await this.#database.drop()
  }
}

const TIMEOUT_MS = 60_000

export function appTransaction<T>(
  pool: Pool,
  tenant: string,
  work: (tx: Transaction) => Promise<T>,
  isolation: Isolation = 'serializable',
  signal?: AbortSignal,
): Promise<T> {
  const context = contextStatement({
    role: 'holdfast_app',
    tenant,
    actor: 'test',
    remainingMs: TIMEOUT_MS,
    lockTimeoutMs: TIMEOUT_MS,
    purpose: 'write',
  })
  const deadlineMs = systemClock.monotonicMs() + TIMEOUT_MS
  const opening = () => [context]
  // More runs than a user would get: what collides here does so on purpose.
  const options = {
    isolation,
    deadlineMs,
    signal,
    opening,
    inDoubt: 'xid',
    attemptsMax: 50,
  } as const
  return runTransaction(pool, options, (tx) => work(tx))
}
