/** What code that asks for pg's pool expects of it, and what its driver leaves out. */
import type { EventEmitter } from 'node:events'
import pg from 'pg'

/** Prisma's adapter asks whether it was handed a pool; none of pg's own is ever used. */
export const PgPool = pg.Pool as unknown as typeof EventEmitter

export type Callback = (error: unknown, value?: unknown) => void

/** The driver's two ways of asking: with a callback nothing is returned. */
export function answered(
  answer: Promise<unknown>,
  callback: Callback | undefined,
): Promise<unknown> | undefined {
  if (callback === undefined) return answer
  answer.then(
    (value) => callback(undefined, value),
    (error) => callback(error),
  )
  return undefined
}

/**
 * As `client.query`, and behind an error waits until the server is ready: it tells of the error first,
 * and then gives the locks back. The driver passes the error on at once.
 */
export async function askUntilReady(client: pg.Client, query: object): Promise<pg.QueryResult> {
  try {
    // The driver changes what it is given.
    return await client.query({ ...query } as pg.QueryConfig)
  } catch (error) {
    if (isReport(error)) await ready(client)
    throw error
  }
}

interface Innards {
  readonly readyForQuery: boolean
  readonly connection: EventEmitter
}

/** An error with which the session ends has nothing behind it but that end. */
function ready(client: pg.Client): Promise<void> {
  const { readyForQuery, connection } = client as unknown as Innards
  if (readyForQuery) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      connection.removeListener('readyForQuery', done)
      client.removeListener('end', done)
      resolve()
    }
    connection.once('readyForQuery', done)
    client.once('end', done)
  })
}

function isReport(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(?:FATAL|PANIC)$/.test(error.severity ?? '')
}
