/** What every transport sends back for an operation: a value or a problem, already as bytes to be. */
export interface Reply {
  readonly status: number
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON text; empty where the status has no body. */
  readonly body: string
  /** True where this reply was stored by an earlier request with the same idempotency key. */
  readonly replayed: boolean
  /** The code of the problem, for telemetry; not known of one that is replayed. */
  readonly problem?: string
}
