/**
 * Statements on the framework's own tables that are sent in the transaction of a handler: whoever
 * makes them has seen to what they may write, so that the guard of the module lets them pass. A text
 * of the user's that says the same is no such statement.
 */
import type { Statement } from './statement.ts'

const made = new WeakSet<Statement>()

export function frameworkStatement<S extends Statement>(statement: S): S {
  made.add(statement)
  return statement
}

export function isFrameworkStatement(statement: Statement): boolean {
  return made.has(statement)
}
