import type { Check } from '../../database/check.ts'
import type { Statement } from '../../database/statement.ts'
import type { Claim, KeyOwner, StoredReply } from './idempotency.ts'

/** Texts with the caller's credential check riding along, and without; prepared once each. */
interface ClaimTexts {
  readonly claim: string
  readonly claimAndStore: string
}

function claimTexts(expression?: Check['expression']): ClaimTexts {
  const also = (place: string) => (expression === undefined ? '' : `, ${expression(place)}`)
  return {
    claim: `INSERT INTO holdfast.idempotency_keys
 (tenant, principal, operation, key, fingerprint, expires_at)
 VALUES ($1, $2, $3, $4, $5, now() + $6::text::interval)
 RETURNING ctid, set_config('lock_timeout', $7, true)${also('$8')}`,
    claimAndStore: `INSERT INTO holdfast.idempotency_keys
 (tenant, principal, operation, key, fingerprint, expires_at, status, content_type, headers, body)
 VALUES ($1, $2, $3, $4, $5, now() + $6::text::interval, $8, $9, $10, $11)
 RETURNING set_config('lock_timeout', $7, true)${also('$12')}`,
  }
}

const plainTexts = claimTexts()
const checkedTexts = new WeakMap<Check['expression'], ClaimTexts>()

function textsFor(check: Check | undefined): ClaimTexts {
  if (check === undefined) return plainTexts
  const known = checkedTexts.get(check.expression)
  if (known !== undefined) return known
  const made = claimTexts(check.expression)
  checkedTexts.set(check.expression, made)
  return made
}

function claimValues(claim: Claim, lockTimeoutMs: number): unknown[] {
  const { tenant, principal, operation, key, fingerprint, retentionMs } = claim
  const kept = `${retentionMs} milliseconds`
  return [tenant, principal, operation, key, fingerprint, kept, String(lockTimeoutMs)]
}

function checkValue(check: Check | undefined): unknown[] {
  return check === undefined ? [] : [check.value]
}

export function claim(claim: Claim, lockTimeoutMs: number): Statement {
  const { check } = claim
  const values = [...claimValues(claim, lockTimeoutMs), ...checkValue(check)]
  return { text: textsFor(check).claim, values }
}

/**
 * By ctid where it is known: the row is this transaction's own and cannot move, and a TID scan
 * leaves no predicate lock on index pages that other claims insert into (SERIALIZABLE would see
 * conflicts where there are none).
 */
export function storeReply(claim: Claim, ctid: string | undefined, reply: StoredReply): Statement {
  const values = replyValues(reply)
  if (ctid !== undefined) {
    return {
      text: `UPDATE holdfast.idempotency_keys
 SET status = $1, content_type = $2, headers = $3, body = $4 WHERE ctid = $5`,
      values: [...values, ctid],
    }
  }
  return {
    text: `UPDATE holdfast.idempotency_keys
 SET status = $1, content_type = $2, headers = $3, body = $4
 WHERE tenant = $5 AND principal = $6 AND operation = $7 AND key = $8`,
    values: [...values, claim.tenant, claim.principal, claim.operation, claim.key],
  }
}

export function claimAndStore(claim: Claim, reply: StoredReply, lockTimeoutMs: number): Statement {
  const { check } = claim
  const values = [...claimValues(claim, lockTimeoutMs), ...replyValues(reply), ...checkValue(check)]
  return { text: textsFor(check).claimAndStore, values }
}

function replyValues(reply: StoredReply): unknown[] {
  return [reply.status, reply.contentType, JSON.stringify(reply.headers), reply.body]
}

export function readReply(owner: KeyOwner): Statement {
  return {
    text: `SELECT status, content_type, headers, body, fingerprint, expires_at <= now() AS expired
 FROM holdfast.idempotency_keys
 WHERE tenant = $1 AND principal = $2 AND operation = $3 AND key = $4`,
    values: [owner.tenant, owner.principal, owner.operation, owner.key],
  }
}

export function removeExpired(owner: KeyOwner): Statement {
  return {
    text: `DELETE FROM holdfast.idempotency_keys
 WHERE tenant = $1 AND principal = $2 AND operation = $3 AND key = $4 AND expires_at <= now()`,
    values: [owner.tenant, owner.principal, owner.operation, owner.key],
  }
}

/** One bounded bite of the pruner; `FOR UPDATE SKIP LOCKED` lets several run side by side. */
export function pruneExpired(rowsMax: number): Statement {
  return {
    text: `DELETE FROM holdfast.idempotency_keys WHERE ctid = ANY (ARRAY(
 SELECT ctid FROM holdfast.idempotency_keys WHERE expires_at <= now()
 LIMIT $1 FOR UPDATE SKIP LOCKED))`,
    values: [rowsMax],
  }
}
