/** All SQL about API keys. */
import { ANSWER_GRACE_MS } from '../../database/answer-grace.ts'
import { contextStatement } from '../../database/context.ts'
import { frameworkStatement } from '../../database/framework-statement.ts'
import type { Pool } from '../../database/pool.ts'
import { type Sql, sql } from '../../database/sql.ts'
import type { Rows, Statement } from '../../database/statement.ts'

export interface KeyRow {
  readonly id: string
  readonly principal: string
  readonly environment: string
  readonly name: string
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
  readonly created_at: string
  readonly created_by: string | null
  readonly expires_at: string | null
  readonly revoked_at: string | null
  readonly last_used_at: string | null
}

export interface NewKeyRow {
  readonly id: string
  readonly principal: string
  readonly environment: string
  readonly name: string
  readonly hash: Buffer
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
  /** RFC 3339. */
  readonly expiresAt: string | null
}

const columns = sql`id, principal, environment, name, roles, permissions, created_at, created_by,
  expires_at, revoked_at, last_used_at`

/** The tenant and who made it come from the context of the transaction, never from a value. */
export function insertKey(row: NewKeyRow): Sql<KeyRow> {
  const { id, principal, environment, name, hash, roles, permissions, expiresAt } = row
  return frameworkStatement(sql<KeyRow>`
    INSERT INTO holdfast.api_keys
      (id, principal, environment, name, hash, roles, permissions, expires_at)
    VALUES (${id}, ${principal}, ${environment}, ${name}, ${hash}, ${roles}, ${permissions},
      ${expiresAt})
    RETURNING ${columns}`)
}

/**
 * One statement: the old key ends after the overlap, and its heir takes over all it stands for, the
 * length of its life too. No row where the old key is unknown or has ended.
 */
export function rotateKey(old: string, heir: HeirRow, overlapMs: number): Sql<KeyRow> {
  return frameworkStatement(sql<KeyRow>`
    WITH old AS (
      SELECT id, principal, environment, name, roles, permissions, expires_at - created_at AS life
      FROM holdfast.api_keys
      WHERE id = ${old} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
      FOR NO KEY UPDATE
    ), ended AS (
      UPDATE holdfast.api_keys key
      SET expires_at = least(key.expires_at, now() + ${overlapMs}::float8 * interval '1 millisecond')
      FROM old WHERE key.id = old.id
    )
    INSERT INTO holdfast.api_keys
      (id, principal, environment, name, hash, roles, permissions, expires_at)
    SELECT ${heir.id}::uuid, principal, environment, name, ${heir.hash}::bytea, roles, permissions,
      now() + life FROM old
    RETURNING ${columns}`)
}

export interface HeirRow {
  readonly id: string
  readonly hash: Buffer
}

export function selectKey(id: string): Sql<KeyRow> {
  return sql<KeyRow>`SELECT ${columns} FROM holdfast.api_keys WHERE id = ${id}`.bounded(1)
}

/** A second revocation changes nothing and returns the key too. */
export function revokeKey(id: string): Sql<KeyRow> {
  return frameworkStatement(sql<KeyRow>`
    UPDATE holdfast.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = ${id}
    RETURNING ${columns}`)
}

export function selectKeys(limit: number, before: string | null): Sql<KeyRow> {
  return sql<KeyRow>`
    SELECT ${columns} FROM holdfast.api_keys
    WHERE tenant = holdfast.tenant() AND (${before}::uuid IS NULL OR id < ${before}::uuid)
    ORDER BY id DESC LIMIT ${limit}`
}

export interface VerificationRow {
  readonly id: string
  readonly principal: string
  readonly tenant: string
  readonly hash: Buffer
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
  readonly revoked: boolean
  /** By the clock of the database; negative for an expired key, null for one without an end. */
  readonly expires_in_ms: number | null
}

/** The lookup must not hold a connection when the server is slow: everybody waits behind it. */
const LOOKUP_TIMEOUT_MS = 2_000
const USES_TIMEOUT_MS = 10_000

/** The keys of all tenants are visible to `holdfast_loops` alone: nobody has said yet who asks. */
function asLoops(purpose: 'read' | 'write', remainingMs: number): Statement {
  return contextStatement({
    role: 'holdfast_loops',
    tenant: '',
    actor: 'authenticate',
    remainingMs,
    lockTimeoutMs: remainingMs,
    purpose,
  })
}

/** One round trip for all ids. Ids that are unknown are missing from the result. */
export async function selectForVerification(
  pool: Pool,
  ids: readonly string[],
): Promise<VerificationRow[]> {
  const statement = sql<VerificationRow>`
    SELECT id, principal, tenant, hash, roles, permissions, revoked_at IS NOT NULL AS revoked,
      extract(epoch FROM expires_at - now())::float8 * 1000 AS expires_in_ms
    FROM holdfast.api_keys WHERE id = ANY(${ids}::uuid[])`
  const bounded = statement.bounded(ids.length)
  const options = { retryLost: true, answerTimeoutMs: LOOKUP_TIMEOUT_MS + ANSWER_GRACE_MS }
  const results = await pool.run([asLoops('read', LOOKUP_TIMEOUT_MS), bounded], options)
  return (results[1] as Rows<unknown> as Rows<VerificationRow>).rows
}

export interface Use {
  readonly id: string
  readonly agoMs: number
}

/**
 * Notes uses, to the minute. A row that somebody else holds is left out: it is being revoked, or
 * noted by another process; waiting for it could deadlock.
 */
export async function updateLastUsed(pool: Pool, uses: readonly Use[]): Promise<void> {
  const statement = sql`
    WITH used AS (
      SELECT id, now() - ago_ms * interval '1 millisecond' AS at
      FROM unnest(${uses.map((use) => use.id)}::uuid[], ${uses.map((use) => use.agoMs)}::float8[])
        AS used (id, ago_ms)
    ), due AS (
      SELECT key.id, used.at FROM holdfast.api_keys key JOIN used ON used.id = key.id
      WHERE key.last_used_at IS NULL OR key.last_used_at < used.at - interval '1 minute'
      FOR NO KEY UPDATE OF key SKIP LOCKED
    )
    UPDATE holdfast.api_keys key SET last_used_at = due.at FROM due WHERE key.id = due.id`
  await pool.run([...readCommitted, asLoops('write', USES_TIMEOUT_MS), statement, commit])
}

/** A serializable note of use would meet the predicate locks of every command of that key. */
const readCommitted = [{ text: 'BEGIN ISOLATION LEVEL READ COMMITTED', values: [] }]
const commit = { text: 'COMMIT', values: [] }

/**
 * Raises HF002 unless the key at `place` is one of this tenant and good now.
 *
 * Under SERIALIZABLE it leaves predicate locks on the row and its index page, or on a table too small
 * for its index. Only serializable writers meet them: keys made or revoked by a command, which are
 * few. The note of use, which is not, is READ COMMITTED.
 */
export function keyIsGood(place: string): string {
  return `CASE WHEN EXISTS (
 SELECT FROM holdfast.api_keys WHERE id = ${place}::uuid AND revoked_at IS NULL
 AND (expires_at IS NULL OR expires_at > pg_catalog.now())
) THEN true ELSE holdfast.require(false, 'HF002', 'the API key is revoked, expired or unknown') END`
}
