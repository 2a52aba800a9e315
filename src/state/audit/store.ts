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

/** Of every tenant, for who runs the service: two may have used the same id. */
export function selectOfRequest(requestId: string): Statement {
  return {
    text: `SELECT at, tenant, actor, operation, outcome, parent IS NOT NULL AS nested
FROM holdfast.audit_entries WHERE request_id = $1 ORDER BY at, id LIMIT ${TRACED_MAX}`,
    values: [requestId],
  }
}
