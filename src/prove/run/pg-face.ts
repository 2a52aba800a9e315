/** What code that asks for pg's pool expects of it. */
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
