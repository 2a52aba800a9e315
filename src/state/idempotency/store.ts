import type { Statement } from '../../database/statement.ts'
import type { Claim, KeyOwner, StoredReply } from './idempotency.ts'

export function claim(claim: Claim, lockTimeoutMs: number): Statement {
  return {
    text: `INSERT INTO holdfast.idempotency_keys
 (tenant, principal, operation, key, fingerprint, expires_at)
 VALUES ($1, $2, $3, $4, $5, now() + $6::text::interval)
 RETURNING ctid, set_config('lock_timeout', $7, true)`,
    values: [
      claim.tenant,
      claim.principal,
      claim.operation,
      claim.key,
      claim.fingerprint,
      `${claim.retentionMs} milliseconds`,
      String(lockTimeoutMs),
    ],
  }
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
  return {
    text: `INSERT INTO holdfast.idempotency_keys
 (status, content_type, headers, body, tenant, principal, operation, key, fingerprint, expires_at)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10::text::interval)
 RETURNING set_config('lock_timeout', $11, true)`,
    values: [
      ...replyValues(reply),
      claim.tenant,
      claim.principal,
      claim.operation,
      claim.key,
      claim.fingerprint,
      `${claim.retentionMs} milliseconds`,
      String(lockTimeoutMs),
    ],
  }
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
    text: `DELETE FROM holdfast.idempotency_keys WHERE ctid IN (
 SELECT ctid FROM holdfast.idempotency_keys WHERE expires_at <= now()
 ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
    values: [rowsMax],
  }
}
