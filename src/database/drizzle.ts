/**
 * Drizzle over our transaction: a client as drizzle-orm/node-postgres calls it, whose every query
 * goes through `send`. Queries of one tick join one batch.
 *
 *     import { drizzle } from 'drizzle-orm/node-postgres'
 *     const db = drizzle(pgClientOver((statement) => tx.query(statement)), { schema })
 *
 * Columns come as everywhere: timestamptz as RFC 3339 text with its microseconds (a column of mode
 * `date` makes a Date of it), int8 as a range-checked number, or as a bigint by declaration.
 */
import type { PoolClient, QueryArrayResult, QueryConfig, QueryResult } from 'pg'
import { HoldfastError } from '../base/fault.ts'
import { SqlScanner } from './guard/sql-scanner.ts'
import type { Send } from './kysely.ts'
import type { Rows } from './statement.ts'

/** How columns come back through a client for Drizzle. */
export interface PgClientOptions {
  /** All int8 columns as bigint: for schemas with `bigint({ mode: 'bigint' })`. */
  readonly bigint?: boolean
}

/** What drizzle passes; the parsers it brings along are left aside for ours. */
interface Query {
  readonly text: string
  readonly rowMode?: 'array'
}

/** A client over `send`. Cheap: made once per unit of work. */
export function pgClientOver(send: Send, options: PgClientOptions = {}): PoolClient {
  return new SendingClient(send, options) as unknown as PoolClient
}

/** Words that open, end or divide a transaction, which is the unit of work's to do. */
const TRANSACTION_WORDS = new Set([
  'begin',
  'start',
  'commit',
  'end',
  'rollback',
  'abort',
  'savepoint',
  'release',
])

class SendingClient {
  readonly #send: Send
  readonly #bigint: boolean

  constructor(send: Send, options: PgClientOptions) {
    this.#send = send
    this.#bigint = options.bigint ?? false
  }

  async query(
    query: Query | (QueryConfig & Query),
    values: readonly unknown[] = [],
  ): Promise<QueryResult | QueryArrayResult> {
    if (TRANSACTION_WORDS.has(new SqlScanner(query.text).token.text)) throw refusal()
    const { text, rowMode } = query
    const arrays = rowMode === 'array'
    return toResult(await this.#send({ text, values, arrays, bigint: this.#bigint }))
  }
}

function refusal(): HoldfastError {
  return new HoldfastError(
    'HF_OPTION_INVALID',
    'A transaction inside an operation: the operation is one already. Use tx.call to compose.',
  )
}

function toResult({ rows, rowCount, command }: Rows): QueryResult {
  return { rows, rowCount, command, oid: 0, fields: [] }
}
