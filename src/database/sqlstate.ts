/**
 * The Postgres states that Holdfast expects, by name (Postgres manual, appendix A), and our own
 * (class HF, raised by the functions of schema `holdfast`).
 */
export const sqlstate = {
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  /** "cached plan must not change result type": DDL went past a prepared statement. */
  featureNotSupported: '0A000',
  /** The prepared statement is not on this connection (a pooler switched servers). */
  invalidStatementName: '26000',
  duplicateStatement: '42P05',
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  checkViolation: '23514',
  notNullViolation: '23502',
  exclusionViolation: '23P01',
  insufficientPrivilege: '42501',
  lockNotAvailable: '55P03',
  /** statement_timeout and our own cancel requests. */
  queryCanceled: '57014',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
  idleInTransactionTimeout: '25P03',
  transactionTimeout: '25P04',
  readOnlyTransaction: '25006',
  failedTransaction: '25P02',
  tooManyConnections: '53300',
  noTenantContext: 'HF001',
  credentialRevoked: 'HF002',
  leaseLost: 'HF003',
  positionMoved: 'HF004',
  rowCountMissed: 'HF005',
} as const

/** An error that the server reported for one statement of a batch. */
export class StatementError extends Error {
  readonly state: string
  /** Place of the failed statement in its batch. */
  readonly index: number
  readonly text: string
  readonly severity: string
  readonly constraint: string | undefined
  readonly table: string | undefined
  readonly detail: string | undefined

  constructor(report: ServerReport, index: number, text: string) {
    super(report.message, { cause: report })
    this.name = 'StatementError'
    this.state = report.code
    this.index = index
    this.text = text
    this.severity = report.severity
    this.constraint = report.constraint
    this.table = report.table
    this.detail = report.detail
  }

  get fatal(): boolean {
    return this.severity !== 'ERROR'
  }
}

/** The fields of an ErrorResponse that we read (Postgres manual, 55.8). */
export interface ServerReport {
  readonly message: string
  readonly code: string
  readonly severity: string
  readonly constraint?: string
  readonly table?: string
  readonly detail?: string
}

/** The connection ended, or never came to be. `closingSent`: COMMIT may have been executed. */
export class ConnectionLostError extends Error {
  readonly closingSent: boolean

  constructor(cause: unknown, closingSent: boolean) {
    super(`The database connection was lost${closingSent ? ' after COMMIT was sent' : ''}.`, {
      cause,
    })
    this.name = 'ConnectionLostError'
    this.closingSent = closingSent
  }
}

/**
 * Whether an error is of the server and has one of these states: `hasState(error,
 * sqlstate.uniqueViolation)`.
 */
export function hasState(error: unknown, ...states: readonly string[]): error is StatementError {
  return error instanceof StatementError && states.includes(error.state)
}

const STALE_STATEMENT = [
  sqlstate.featureNotSupported,
  sqlstate.invalidStatementName,
  sqlstate.duplicateStatement,
]

/** The connection's prepared statements no longer fit the schema or the server behind the pooler. */
export function isStaleStatement(error: unknown): boolean {
  if (!hasState(error, ...STALE_STATEMENT)) return false
  return error.state !== sqlstate.featureNotSupported || error.message.includes('cached plan')
}

const SESSION_END = [sqlstate.adminShutdown, sqlstate.crashShutdown, sqlstate.cannotConnectNow]

/** The server ended the session: a connection lost, for whoever waits on it. A COMMIT in doubt is one already. */
export function isSessionEnd(error: unknown): boolean {
  return hasState(error, ...SESSION_END) && error.fatal
}

/** Another run of the whole transaction may succeed, and this one has certainly left nothing behind. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return !error.closingSent
  if (hasState(error, sqlstate.serializationFailure, sqlstate.deadlockDetected)) return true
  return isStaleStatement(error)
}
