/**
 * A condition that the server asks before any statement of a user, and that raises where it does
 * not hold. It stands alone, or rides along in a statement that is sent anyway.
 */
import type { Statement } from './statement.ts'

export interface Check {
  /** The condition as an SQL expression; `place` is where its value stands: `$1`. */
  readonly expression: (place: string) => string
  readonly value: string
}

const texts = new WeakMap<Check['expression'], string>()

export function checkStatement(check: Check): Statement {
  let text = texts.get(check.expression)
  if (text === undefined) {
    text = `SELECT ${check.expression('$1')}`
    texts.set(check.expression, text)
  }
  return { text, values: [check.value] }
}
