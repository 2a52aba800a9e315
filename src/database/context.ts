/**
 * The first statement of every transaction: role, tenant, actor and timeouts, all LOCAL, so that
 * nothing is left on the connection for the next user of a pooler. One round trip for all of it,
 * shared with the first statement of the user.
 */
import { sqlstate } from './sqlstate.ts'
import type { Statement } from './statement.ts'

export type ContextRole = 'holdfast_app' | 'holdfast_loops'

/** For whom a transaction works, and how long. */
export interface Context {
  readonly role: ContextRole
  readonly tenant: string
  readonly actor: string
  /** Time the operation has left; the server gives up on a statement that takes longer. */
  readonly remainingMs: number
  /** How long a statement waits for somebody's lock. */
  readonly lockTimeoutMs: number
  /** A query's transaction cannot write; a command's asks for its transaction id, with which a
   *  commit in doubt is resolved. */
  readonly purpose: 'read' | 'write'
}

/** The server's last resort, above our own cancel at the deadline, never before it. */
const TIMEOUT_GRACE_MS = 250

const SETTINGS = `set_config('role', $1, true), set_config('holdfast.tenant', $2, true),
 set_config('holdfast.actor', $3, true), set_config('statement_timeout', $4, true),
 set_config('lock_timeout', $5, true), set_config('idle_in_transaction_session_timeout', $6, true),
 set_config('timezone', 'UTC', true)`

/** `transaction_read_only` may be set at any time inside a transaction, and not unset. */
const PURPOSE = {
  read: `set_config('transaction_read_only', 'on', true)`,
  write: 'pg_current_xact_id()::text AS xid',
} as const

const texts = {
  read: `SELECT ${SETTINGS}, ${PURPOSE.read}`,
  write: `SELECT ${SETTINGS}, ${PURPOSE.write}`,
} as const

/**
 * The first statement of a transaction: role, tenant, actor and timeouts, for this transaction
 * alone.
 */
export function contextStatement(context: Context): Statement {
  const remaining = timeoutText(context.remainingMs)
  const lock = String(Math.max(1, Math.ceil(context.lockTimeoutMs)))
  return {
    text: texts[context.purpose],
    values: [context.role, context.tenant, context.actor, remaining, lock, remaining],
  }
}

/** False where a migration was committed after the snapshot of this transaction was taken. */
export const SCHEMA_IS_CURRENT = `pg_visible_in_snapshot(
 coalesce(pg_sequence_last_value('holdfast.schema_change'), 0)::text::xid8, pg_current_snapshot())`

/**
 * Raises, as a serialization failure, where a migration was committed after the snapshot of this
 * transaction was taken: a table that it has rewritten is empty to such a snapshot (manual, 13.6).
 * `pg_sequence_last_value` reads without a predicate lock.
 */
export const currentSchemaStatement: Statement = {
  text: `SELECT holdfast.require(${SCHEMA_IS_CURRENT},
 '${sqlstate.serializationFailure}', 'a migration was committed meanwhile')`,
  values: [],
}

/** statement_timeout is per statement: what is left is set anew as the transaction goes on. */
export function remainingStatement(remainingMs: number): Statement {
  return {
    text: `SELECT set_config('statement_timeout', $1, true)`,
    values: [timeoutText(remainingMs)],
  }
}

/** Milliseconds without a unit; 0 would switch the timeout off. */
function timeoutText(remainingMs: number): string {
  return String(Math.max(1, Math.ceil(remainingMs)) + TIMEOUT_GRACE_MS)
}
