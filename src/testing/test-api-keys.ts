/** A database with API keys in it, and a pool on it: for tests of whatever asks who is there. */

import { type ApiKeyOptions, createApiKey, queriesOf } from '../access/api-key/api-key.ts'
import { apiKeyCheck } from '../access/api-key/check.ts'
import { systemClock } from '../base/clock.ts'
import { checkStatement } from '../database/check.ts'
import { type Context, contextStatement } from '../database/context.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { databaseSource } from '../database/migrate/source.ts'
import { Pool } from '../database/pool.ts'
import { runTransaction } from '../database/run-transaction.ts'
import type { Isolation, Transaction } from '../database/transaction.ts'
import { testDatabase } from './test-database.ts'

export interface TestApiKeys {
  readonly pool: Pool
  readonly url: string
  readonly adminUrl: string
  /** A transaction of a tenant, as an operation would have it. */
  inTenant<T>(
    tenant: string,
    work: (tx: Transaction) => Promise<T>,
    options?: InTenantOptions,
  ): Promise<T>
  /** A new key of the tenant, with its text. */
  create(tenant: string, options?: Partial<ApiKeyOptions>): Promise<TestApiKey>
  [Symbol.asyncDispose](): Promise<void>
}

export interface InTenantOptions {
  readonly isolation?: Isolation
  /** Checked in the prelude, as the database names it. */
  readonly apiKeyId?: string
}

export interface TestApiKey {
  readonly text: string
  readonly id: string
  readonly principal: string
}

const TIMEOUT_MS = 20_000

const source = {
  name: 'holdfast/api-key',
  directory: new URL('../access/api-key/migrations/', import.meta.url),
}

export async function testApiKeys(): Promise<TestApiKeys> {
  const database = await testDatabase()
  await migrate({ url: database.url, sources: [databaseSource, source] })
  const pool = new Pool({
    url: database.url,
    connectionsMax: 8,
    // What is tried is who may, and not how soon: a loaded machine gets its time.
    acquireTimeoutMs: 60_000,
  })
  const inTenant: TestApiKeys['inTenant'] = (tenant, work, options = {}) =>
    runTransaction(pool, transactionOptions(tenant, options), work)
  return {
    pool,
    url: database.url,
    adminUrl: database.adminUrl,
    inTenant,
    create: (tenant, options) =>
      inTenant(tenant, async (tx) => {
        const whole = { name: 'test', environment: 'dev', ...options }
        const { key, text } = await createApiKey(queriesOf(tx), whole)
        return { text: text.reveal(), id: key.id, principal: key.principal }
      }),
    async [Symbol.asyncDispose]() {
      await pool.close()
      await database.drop()
    },
  }
}

function transactionOptions(tenant: string, options: InTenantOptions) {
  const context: Context = {
    role: 'holdfast_app',
    tenant,
    actor: 'tester',
    remainingMs: TIMEOUT_MS,
    lockTimeoutMs: TIMEOUT_MS,
    purpose: 'write',
  }
  const { apiKeyId } = options
  const checks = apiKeyId === undefined ? [] : [checkStatement(apiKeyCheck(apiKeyId))]
  return {
    isolation: options.isolation ?? 'serializable',
    deadlineMs: systemClock.monotonicMs() + TIMEOUT_MS,
    opening: () => [contextStatement(context), ...checks],
    inDoubt: 'xid',
  } as const
}
