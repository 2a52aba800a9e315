import type { Statement } from '../../database/statement.ts'
import { valuesList } from '../../database/values.ts'
import type { AuditEntry } from './audit.ts'

const COLUMNS = 9

export function insertEntries(entries: readonly AuditEntry[]): Statement {
  return {
    text: `INSERT INTO holdfast.audit_entries
 (tenant, id, actor, operation, outcome, request_id, trace_id, input_digest, parent)
 VALUES ${valuesList(entries.length, COLUMNS)}`,
    values: entries.flatMap((entry) => [
      entry.tenant,
      entry.id,
      entry.actor,
      entry.operation,
      entry.outcome,
      entry.requestId,
      entry.traceId,
      entry.inputDigest,
      entry.parent,
    ]),
  }
}

/** More of one request than a person reads. */
const TRACED_MAX = 200

const AS_TRACED = `id, at, tenant, actor, operation, outcome, parent IS NOT NULL AS nested,
 request_id AS "requestId", trace_id AS "traceId"`

/** Of every tenant, for who runs the service: two may have used the same id. */
export function selectOfRequest(requestId: string): Statement {
  return {
    text: `SELECT ${AS_TRACED} FROM holdfast.audit_entries WHERE request_id = $1
ORDER BY at, id LIMIT ${TRACED_MAX}`,
    values: [requestId],
  }
}

/** Trace ids may come from callers too: those of one tenant. */
export function selectOfTraces(tenant: string, traceIds: readonly string[]): Statement {
  return {
    // Apart: by the primary key, all entries of the tenant would be read.
    text: `WITH traced AS MATERIALIZED (
  SELECT * FROM holdfast.audit_entries WHERE trace_id = ANY($1::text[]))
SELECT ${AS_TRACED} FROM traced WHERE tenant = $2 ORDER BY at, id LIMIT ${TRACED_MAX}`,
    values: [traceIds, tenant],
  }
}
