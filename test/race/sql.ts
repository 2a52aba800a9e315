/** What the programs of these folders share: a pool, and the transaction helper that everybody writes. */
import type { Pool, PoolClient } from 'pg'

export type Db = Pool
export type Tx = PoolClient

type Isolation = 'read committed' | 'repeatable read' | 'serializable'

export interface TransactionOptions {
  readonly isolation?: Isolation
  /** How often it is run in all where the server refuses it for the sake of others. */
  readonly attemptsMax?: number
}

/** Serialization failure and deadlock: nothing has happened, and running again is right. */
const RETRIED = new Set(['40001', '40P01'])

export function isRetried(error: unknown): boolean {
  return RETRIED.has(String((error as { code?: unknown }).code))
}

async function runOnce<T>(db: Db, begin: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await db.connect()
  try {
    await client.query(begin)
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

export async function inTransaction<T>(
  db: Db,
  work: (tx: Tx) => Promise<T>,
  { isolation = 'read committed', attemptsMax = 1 }: TransactionOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(db, `BEGIN ISOLATION LEVEL ${isolation}`, work)
    } catch (error) {
      if (attempt === attemptsMax || !isRetried(error)) throw error
    }
  }
}

/** Three sessions that refuse each other in turn are through after as many attempts, with one to spare. */
export const SERIALIZABLE: TransactionOptions = { isolation: 'serializable', attemptsMax: 4 }

/** What both a pool and a client of it can do. */
export type Queries = Pick<Tx, 'query'>

export async function firstRow<T extends object>(
  db: Queries,
  text: string,
  values: unknown[] = [],
): Promise<T | undefined> {
  const { rows } = await db.query<T>(text, values)
  return rows[0]
}

/** The single number that a statement returns; 0 where it returns no row. */
export async function number(db: Queries, text: string, values: unknown[] = []): Promise<number> {
  const row = await firstRow<Record<string, unknown>>(db, text, values)
  return row ? Number(Object.values(row)[0]) : 0
}
