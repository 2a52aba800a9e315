/**
 * Idempotency keys (draft-ietf-httpapi-idempotency-key-header-07): the key, the fingerprint of the
 * request and the stored reply live and die with the transaction of the work.
 *
 * - A claim is an INSERT, the first thing after the context: a key that was used before raises
 *   23505 in the server, and no statement of the user runs.
 * - A duplicate that meets a running first waits for its end, bounded by lock_timeout, then meets
 *   23505 (the first committed), goes ahead (it rolled back), or gives up with 55P03.
 * - The claim's RETURNING sets lock_timeout back to the time that the user's statements have.
 */
import type { Check } from '../../database/check.ts'
import { hasState, sqlstate } from '../../database/sqlstate.ts'
import type { Rows, Statement } from '../../database/statement.ts'
import {
  claimAndStore,
  claim as claimRow,
  pruneExpired,
  readReply,
  removeExpired,
  storeReply,
} from './store.ts'

/** Whose key it is. Two tenants, two principals or two operations never share one. */
export interface KeyOwner {
  readonly tenant: string
  readonly principal: string
  readonly operation: string
  readonly key: string
}

export interface Claim extends KeyOwner {
  /** SHA-256 over the raw request. */
  readonly fingerprint: Buffer
  readonly retentionMs: number
  /** Of the caller's credential; asked in the same statement. */
  readonly check?: Check | undefined
}

/** What is answered again, byte for byte. */
export interface StoredReply {
  readonly status: number
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface KeptReply extends StoredReply {
  readonly fingerprint: Buffer
  readonly expired: boolean
}

/** How long a key is kept: long enough for the retries of a day. */
export const RETENTION_MS_DEFAULT = 24 * 3600 * 1000
/** How long a duplicate waits for a running first before it is told to come back. */
export const CLAIM_WAIT_MS_DEFAULT = 2_000

const KEY_CONSTRAINT = 'idempotency_keys_pkey'

/** The claim, to travel in the opening batch. `lockTimeoutMs` holds for what comes after it. */
export function claimStatement(claim: Claim, lockTimeoutMs: number): Statement {
  return claimRow(claim, Math.max(1, Math.ceil(lockTimeoutMs)))
}

/** Completes the claim of this transaction; `opening` is what the claim returned. */
export function replyStatement(
  claim: Claim,
  opening: Rows | undefined,
  reply: StoredReply,
): Statement {
  const ctid = opening?.rows[0]?.ctid as string | undefined
  return storeReply(claim, ctid, reply)
}

/** Claim and reply in one row and one statement, for an outcome that needed no statement before. */
export function claimWithReply(claim: Claim, reply: StoredReply, lockTimeoutMs: number): Statement {
  return claimAndStore(claim, reply, Math.max(1, Math.ceil(lockTimeoutMs)))
}

/** The statement that reads a kept reply, and what its rows mean. */
export function keptReplyStatement(owner: KeyOwner): Statement {
  return readReply(owner)
}

export function keptReply(rows: Rows | undefined): KeptReply | undefined {
  const row = rows?.rows[0]
  if (row === undefined || row.status === null) return undefined
  return {
    status: row.status as number,
    contentType: row.content_type as string,
    headers: JSON.parse(row.headers as string) as Record<string, string>,
    body: row.body as string,
    fingerprint: row.fingerprint as Buffer,
    expired: row.expired as boolean,
  }
}

/** Frees a key whose time is over and that the pruner has not met yet. */
export function removeExpiredStatement(owner: KeyOwner): Statement {
  return removeExpired(owner)
}

/** For the pruner: one bounded bite of keys whose time is over. */
export function pruneExpiredKeys(rowsMax: number): Statement {
  return pruneExpired(rowsMax)
}

/** The key was used before. A table of a user may have a constraint of the same name. */
export function isKeyTaken(error: unknown): boolean {
  return (
    hasState(error, sqlstate.uniqueViolation) &&
    error.constraint === KEY_CONSTRAINT &&
    error.text.includes('holdfast.idempotency_keys')
  )
}

/** The first request with this key is still running, longer than we wait. */
export function isKeyBusy(error: unknown): boolean {
  return (
    hasState(error, sqlstate.lockNotAvailable) && error.text.includes('holdfast.idempotency_keys')
  )
}
