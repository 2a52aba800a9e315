/** The audit trail of the framework, as far as it is shown. */
export interface AuditTables {
  'holdfast.audit_entries': {
    readonly id: string
    readonly at: string
    readonly actor: string
    readonly operation: string
    readonly outcome: string
    readonly request_id: string
    readonly trace_id: string
    readonly parent: string | null
  }
}
