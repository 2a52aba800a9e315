/**
 * What a race finds nothing in: a command that does not reach its database, or whose statement the server
 * does not understand. It would be certified, and that would say nothing.
 */
import type { Answer } from '../run/session.ts'
import { errorText, sqlstateOf } from './outcome.ts'

interface Sent {
  readonly sql: string
  readonly place: string | undefined
  readonly answer: Answer | undefined
}

/** PostgreSQL, appendix A: syntax errors and names that are not there; a missing right is told elsewhere. */
const NOT_UNDERSTOOD = /^42(?!501)/

/** Why, where the command ran first and alone on the seed. */
export function vacuousReason(
  name: string,
  sent: readonly Sent[],
  result: Answer | undefined,
): string | undefined {
  if (result?.ok !== false) {
    return sent.length > 0 ? undefined : `${name} sends nothing to its database. ${USE}`
  }
  const error = errorText(result.error)
  if (sent.length === 0) return `${name} sends nothing to its database: ${error}. ${USE}`
  if (!NOT_UNDERSTOOD.test(sqlstateOf(result.error) ?? '')) return undefined
  const last = sent.findLast(({ answer }) => answer?.ok === false)
  const at = last?.place === undefined ? '' : ` at ${last.place}`
  return `${name} fails on the seed${at}: ${messageOf(result.error)} (${error}). Correct the statement, or the schema of the race.`
}

/** What the server said, below what a builder wraps around it. */
function messageOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error ? messageOf(cause) : message
}

const USE = 'A race is of functions that use the pool they are handed: (db) => yours(db, ...).'
