/**
 * Kysely over our transaction: the builder compiles, we send. Queries of one tick join one batch,
 * and a compiled query can be deferred.
 *
 * It is loaded by the first unit of work that builds a query: it is some 250 files, as much as all
 * else that a start loads, and an app that writes its SQL never needs it.
 */
import { createRequire } from 'node:module'
import type {
  CompiledQuery,
  DatabaseConnection,
  Driver,
  Kysely,
  KyselyProps,
  QueryResult,
} from 'kysely'
import { HoldfastError } from '../base/fault.ts'
import type { Row, Rows, Statement } from './statement.ts'

/** Sends one statement; a transaction's or a snapshot's `query`. */
export type Send = (statement: Statement) => Promise<Rows>

/** Connections and transactions are the unit of work's; the builder may not open its own. */
const driver: Driver = {
  init: async () => {},
  acquireConnection: refuse,
  beginTransaction: refuse,
  commitTransaction: refuse,
  rollbackTransaction: refuse,
  releaseConnection: async () => {},
  destroy: async () => {},
}

function refuse(): never {
  throw new HoldfastError(
    'HF_OPTION_INVALID',
    'A transaction inside an operation: the operation is one already. Use tx.call to compose.',
  )
}

interface Builder {
  /** A new Kysely whose queries go to `connection`. */
  over(connection: DatabaseConnection): unknown
}

let builder: Builder | undefined

function loadBuilder(): Builder {
  // The same module as an `import` gives: a query that an app builds with its own is one of ours.
  const require = createRequire(import.meta.url)
  const kysely = require('kysely') as typeof import('kysely')
  const compiler = new kysely.PostgresQueryCompiler()
  const adapter = new kysely.PostgresAdapter()
  // The dialect is asked for introspection only; its pool is never used.
  const dialect = new kysely.PostgresDialect({ pool: async () => refuse() })
  const config = { dialect }
  return {
    over(connection) {
      const provider = {
        provideConnection: <T>(consume: (connection: DatabaseConnection) => Promise<T>) =>
          consume(connection),
      }
      const executor = new kysely.DefaultQueryExecutor(compiler, adapter, provider)
      const props = { config, driver, executor, dialect } as unknown as KyselyProps
      return new kysely.Kysely(props)
    },
  }
}

class SendingConnection implements DatabaseConnection {
  readonly #send: Send

  constructor(send: Send) {
    this.#send = send
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount, command } = await this.#send({
      text: query.sql,
      values: query.parameters,
    })
    const counted = command !== 'SELECT'
    return counted
      ? { rows: rows as R[], numAffectedRows: BigInt(rowCount) }
      : { rows: rows as R[] }
  }

  streamQuery(): never {
    throw new HoldfastError('HF_OPTION_INVALID', 'Streaming inside an operation is not possible.')
  }
}

/** A Kysely whose every query goes through `send`. Cheap: made once per unit of work. */
export function kyselyOver<DB>(send: Send): Kysely<DB> {
  builder ??= loadBuilder()
  return builder.over(new SendingConnection(send)) as Kysely<DB>
}

export function isCompilable(value: unknown): value is { compile(): CompiledQuery } {
  return typeof (value as { compile?: unknown }).compile === 'function'
}

/** A builder's query as a statement of ours. */
export function compiled(query: { compile(): CompiledQuery<unknown> }): Statement {
  const { sql, parameters } = query.compile()
  return { text: sql, values: parameters }
}

export type { Row }
