/** How a shop sends its statements, at one isolation level: alone, or enclosed in a transaction. */
import {
  type Db,
  inTransaction,
  type Queries,
  SERIALIZABLE,
  type TransactionOptions,
} from '../sql.ts'

export type Level = 'read committed' | 'serializable'

export interface Shop extends Queries {
  /** Each statement of `query` outside of it is a transaction of its own. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>
}

const OPTIONS: Readonly<Record<Level, TransactionOptions>> = {
  'read committed': {},
  serializable: SERIALIZABLE,
}

export function shopOf(db: Db, level: Level): Shop {
  const transaction = <T>(work: (tx: Queries) => Promise<T>) =>
    inTransaction(db, work, OPTIONS[level])
  if (level === 'read committed') return { query: db.query.bind(db), transaction } as Shop
  const query = (text: string, values?: unknown[]) => transaction((tx) => tx.query(text, values))
  return { query, transaction } as Shop
}
