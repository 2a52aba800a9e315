/**
 * All that the provider knows, in a file of its own that survives a kill: every change is one
 * transaction of SQLite, with the reply that its key is answered with and the webhook it causes.
 *
 * A payment has one row; `version` counts its changes, so that whoever hears of them out of order
 * can tell which is newer. The ledger is append-only: charges are positive, refunds negative.
 */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

export type ProviderStatus = 'authorized' | 'declined' | 'captured' | 'voided' | 'refunded'

export interface ProviderPayment {
  readonly id: string
  readonly account: string
  readonly key: string
  readonly reference: string
  readonly source: string
  readonly status: ProviderStatus
  readonly amount_minor: number
  readonly currency: string
  readonly version: number
}

export interface StoredReply {
  readonly fingerprint: string
  readonly status: number
  readonly body: string
}

export interface WebhookRow {
  readonly id: string
  readonly account: string
  readonly body: string
  /** Of the request that caused it. */
  readonly traceparent: string | null
  readonly attempts: number
}

export interface LedgerEntry {
  readonly id: number
  readonly account: string
  readonly payment: string
  readonly reference: string
  readonly kind: 'charge' | 'refund'
  readonly amount_minor: number
  readonly currency: string
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS payments (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  reference TEXT NOT NULL,
  source TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('authorized', 'declined', 'captured', 'voided', 'refunded')),
  amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (account, key)
) STRICT;
CREATE TABLE IF NOT EXISTS replies (
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (account, key)
) STRICT;
CREATE TABLE IF NOT EXISTS ledger (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  payment TEXT NOT NULL REFERENCES payments (id),
  reference TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
  amount_minor INTEGER NOT NULL,
  currency TEXT NOT NULL,
  UNIQUE (payment, kind)
) STRICT;
CREATE TABLE IF NOT EXISTS webhooks (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  body TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_ms INTEGER NOT NULL,
  traceparent TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (due_ms);`

export class ProviderStore {
  readonly #database: DatabaseSync

  /** `:memory:` keeps nothing. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    // A commit is in the file before its reply goes out: a kill loses nothing.
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;${SCHEMA}`)
    this.#addTraceparent()
  }

  /** A file that was made before webhooks carried their trace has no place for it yet. */
  #addTraceparent(): void {
    const text = `SELECT name FROM pragma_table_info('webhooks') WHERE name = 'traceparent'`
    if (this.#one(text) === undefined) {
      this.#database.exec('ALTER TABLE webhooks ADD COLUMN traceparent TEXT')
    }
  }

  /** All of it or nothing. */
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  replyOf(account: string, key: string): StoredReply | undefined {
    const text = 'SELECT fingerprint, status, body FROM replies WHERE account = ? AND key = ?'
    return this.#one<StoredReply>(text, account, key)
  }

  keepReply(account: string, key: string, reply: StoredReply): void {
    const { fingerprint, status, body } = reply
    this.#run('INSERT INTO replies VALUES (?, ?, ?, ?, ?)', account, key, fingerprint, status, body)
  }

  insertPayment(payment: ProviderPayment): void {
    const { id, account, key, reference, source, status, amount_minor, currency, version } = payment
    const values = [id, account, key, reference, source, status, amount_minor, currency, version]
    this.#run('INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', ...values)
  }

  payment(account: string, id: string): ProviderPayment | undefined {
    return this.#one('SELECT * FROM payments WHERE account = ? AND id = ?', account, id)
  }

  paymentByKey(account: string, key: string): ProviderPayment | undefined {
    return this.#one('SELECT * FROM payments WHERE account = ? AND key = ?', account, key)
  }

  payments(): readonly ProviderPayment[] {
    return this.#all('SELECT * FROM payments ORDER BY id')
  }

  /** Guarded by the status it comes from. */
  move(payment: ProviderPayment, status: ProviderStatus): ProviderPayment {
    const text = `UPDATE payments SET status = ?, version = version + 1
      WHERE id = ? AND status = ? RETURNING *`
    const moved = this.#one<ProviderPayment>(text, status, payment.id, payment.status)
    if (moved === undefined) throw new Error(`Payment ${payment.id} has moved meanwhile.`)
    return moved
  }

  book(payment: ProviderPayment, kind: LedgerEntry['kind']): void {
    const { id, account, reference, currency, amount_minor } = payment
    const amount = kind === 'charge' ? amount_minor : -amount_minor
    const text = `INSERT INTO ledger (account, payment, reference, kind, amount_minor, currency)
      VALUES (?, ?, ?, ?, ?, ?)`
    this.#run(text, account, id, reference, kind, amount, currency)
  }

  ledger(account?: string): readonly LedgerEntry[] {
    const text = 'SELECT * FROM ledger WHERE ? IS NULL OR account = ? ORDER BY id'
    return this.#all(text, account ?? null, account ?? null)
  }

  addWebhook(webhook: Omit<WebhookRow, 'attempts'>, dueMs: number): void {
    const { id, account, body, traceparent } = webhook
    const text =
      'INSERT INTO webhooks (id, account, body, due_ms, traceparent) VALUES (?, ?, ?, ?, ?)'
    this.#run(text, id, account, body, dueMs, traceparent)
  }

  dueWebhooks(nowMs: number, limit: number): readonly WebhookRow[] {
    const text = 'SELECT * FROM webhooks WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?'
    return this.#all(text, nowMs, limit)
  }

  postponeWebhook(id: string, dueMs: number): void {
    this.#run('UPDATE webhooks SET attempts = attempts + 1, due_ms = ? WHERE id = ?', dueMs, id)
  }

  removeWebhook(id: string): void {
    this.#run('DELETE FROM webhooks WHERE id = ?', id)
  }

  /** Lets those that wait go now. */
  hurryWebhooks(): void {
    this.#run('UPDATE webhooks SET due_ms = 0')
  }

  webhooksWaiting(): number {
    return this.#one<{ n: number }>('SELECT count(*) AS n FROM webhooks')?.n ?? 0
  }

  close(): void {
    this.#database.close()
  }

  #run(text: string, ...values: SQLInputValue[]): void {
    this.#database.prepare(text).run(...values)
  }

  #all<Row>(text: string, ...values: SQLInputValue[]): Row[] {
    return this.#database.prepare(text).all(...values) as unknown as Row[]
  }

  #one<Row>(text: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#all<Row>(text, ...values)[0]
  }
}
