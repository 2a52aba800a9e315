/** The audit trail: one entry for each command, in the transaction of the command. */
import type { Statement } from '../../database/statement.ts'
import { insertEntries, selectOfRequest, selectOfTraces } from './store.ts'

export interface AuditEntry {
  /** UUIDv7. */
  readonly id: string
  readonly tenant: string
  readonly actor: string
  readonly operation: string
  /** `ok`, or the code of the declared problem. */
  readonly outcome: string
  readonly requestId: string
  readonly traceId: string
  /** SHA-256 of the raw input. */
  readonly inputDigest: Buffer | null
  readonly parent: string | null
}

/** The statement that appends entries; joins the closing batch. */
export function auditStatement(entries: readonly AuditEntry[]): Statement {
  return insertEntries(entries)
}

/** An entry as `holdfast trace` shows it. */
export interface AuditTrace {
  readonly id: string
  readonly requestId: string
  readonly traceId: string
  readonly at: string
  readonly tenant: string
  readonly actor: string
  readonly operation: string
  readonly outcome: string
  /** Called inside the transaction of another. */
  readonly nested: boolean
}

export function auditOfRequest(requestId: string): Statement {
  return selectOfRequest(requestId)
}

export function auditOfTraces(tenant: string, traceIds: readonly string[]): Statement {
  return selectOfTraces(tenant, traceIds)
}
