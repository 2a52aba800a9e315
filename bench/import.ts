/**
 * f. Import: a CSV file of products sent to the shop over HTTP, from the first byte to the end of the
 * import, against `COPY` of the same rows into a table with the same columns, checks and indexes, and
 * none of the rest: no upsert, no report, no tenant, nothing that survives a crash half way.
 */
import { randomUUID } from 'node:crypto'
import { Client, type Connection } from 'pg'
import { app } from '../example/shop/app.ts'
import { seed } from '../example/shop/seed.ts'
import { roles } from '../example/shop/shared/roles.ts'
import { migrationSources } from '../src/app/sources.ts'
import { type RunningApp, startApp } from '../src/app/start-app.ts'
import { pause, systemClock } from '../src/base/clock.ts'
import { migrate } from '../src/database/migrate/migrate.ts'
import { buildRegistry } from '../src/operation/registry.ts'
import { loadConfig } from '../src/runtime/config.ts'
import { median, ratio, table } from './lib/statistics.ts'
import type { Plan } from './place-order.ts'

const ROWS = 100_000
const ROWS_QUICK = 20_000
const POLL_MS = 5
const TENANT = 'acme'

export async function importRows(url: string, plan: Plan): Promise<string> {
  const database = await ownDatabase(url)
  const rows = plan.rounds > 2 ? ROWS : ROWS_QUICK
  const shop = await Shop.start(database)
  const client = new Client({ connectionString: database })
  await client.connect()
  await client.query('CREATE TABLE copied (LIKE products INCLUDING ALL)')
  const rates = { copy: [] as number[], imported: [] as number[], again: [] as number[] }
  try {
    for (let round = 0; round < plan.rounds; round++) {
      const file = Buffer.from(csv(rows, round))
      rates.copy.push(await rate(rows, () => copy(client, withIds(rows, round))))
      rates.imported.push(await rate(rows, () => shop.import(file)))
      rates.again.push(await rate(rows, () => shop.import(file)))
    }
  } finally {
    await client.end()
    await shop.stop()
  }
  const limit = median(rates.copy)
  const line = (name: string, values: readonly number[]) => [
    name,
    median(values).toFixed(0),
    ratio(median(values), limit),
  ]
  return table(
    [`${rows} products of ${csv(1, 0).length - HEADER.length} bytes`, 'rows per second', 'of COPY'],
    [
      line('COPY, no row level security', rates.copy),
      line('import, new products', rates.imported),
      line('import, the same file again', rates.again),
    ],
  )
}

async function rate(rows: number, work: () => Promise<void>): Promise<number> {
  const before = systemClock.monotonicMs()
  await work()
  return (rows * 1000) / (systemClock.monotonicMs() - before)
}

const HEADER = 'sku,name,description,price_minor,currency,stock\n'

function csv(rows: number, round: number): string {
  return HEADER + lines(rows, round, () => '')
}

function withIds(rows: number, round: number): Buffer {
  return Buffer.from(`id,${HEADER}${lines(rows, round, () => `${randomUUID()},`)}`)
}

function lines(rows: number, round: number, prefix: () => string): string {
  const line = (_: unknown, index: number) => {
    const sku = `B${round}-${String(index).padStart(7, '0')}`
    const text = `"Oak Lamp, number ${index}",A lamp made of oak for the house`
    return `${prefix()}${sku},${text},${100 + (index % 9000)},EUR,${index % 100}\n`
  }
  return Array.from({ length: rows }, line).join('')
}

/** In the same cluster; the tables of the shop must not stand beside those of the bench. */
async function ownDatabase(url: string): Promise<string> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('CREATE DATABASE bench_import')
  await client.end()
  const own = new URL(url)
  own.pathname = '/bench_import'
  await migrate({ url: own.href, sources: migrationSources(buildRegistry(app)) })
  return own.href
}

class Shop {
  readonly #running: RunningApp
  readonly #key: string

  private constructor(running: RunningApp, key: string) {
    this.#running = running
    this.#key = key
  }

  static async start(url: string): Promise<Shop> {
    const size = { products: 10, orders: 1, customers: 1 }
    const { keys } = await seed({ url, sizes: { acme: size, globex: size } })
    const merchant = keys.find(({ tenant, role }) => tenant === TENANT && role === 'merchant')
    const settings = { DATABASE_URL: url, PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'error' }
    const config = loadConfig({ HOLDFAST_ENV: 'test', ...settings })
    // Neither is asked for anything by an import.
    const services = { mailer: {}, payments: {} }
    return new Shop(await startApp(app, { config, roles, services }), merchant?.key ?? '')
  }

  async import(body: Buffer): Promise<void> {
    const authorization = `Bearer ${this.#key}`
    const sent = await fetch(`${this.#running.apiUrl}/v1/products/import`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'text/csv', 'idempotency-key': randomUUID() },
      body: new Uint8Array(body),
    })
    if (sent.status !== 202) throw new Error(`${sent.status} ${await sent.text()}`)
    const path = `${this.#running.apiUrl}${sent.headers.get('location')}`
    for (;;) {
      const asked = await fetch(path, { headers: { authorization } })
      const { status, rows_rejected } = (await asked.json()) as Record<string, unknown>
      if (status === 'done' && rows_rejected === 0) return
      if (status !== 'running') throw new Error(`The import is ${status}.`)
      await pause(systemClock, POLL_MS)
    }
  }

  stop(): Promise<void> {
    return this.#running.stop()
  }
}

const COPY = 'COPY copied (id, sku, name, description, price_minor, currency, stock)'

async function copy(client: Client, bytes: Buffer): Promise<void> {
  await client.query('BEGIN')
  await client.query(`SELECT set_config('holdfast.tenant', '${TENANT}', true)`)
  await new Promise<void>((resolve, reject) => {
    client.query(new CopyIn(`${COPY} FROM STDIN (FORMAT csv, HEADER)`, bytes, resolve, reject))
  })
  await client.query('COMMIT')
}

interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** pg's own contract for what it sends; it has no COPY of its own. */
class CopyIn {
  readonly #text: string
  readonly #bytes: Buffer
  readonly #done: () => void
  readonly #failed: (error: Error) => void

  constructor(text: string, bytes: Buffer, done: () => void, failed: (error: Error) => void) {
    this.#text = text
    this.#bytes = bytes
    this.#done = done
    this.#failed = failed
  }

  submit(connection: Connection): void {
    connection.query(this.#text)
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.#bytes)
    connection.endCopyFrom()
  }

  handleError(error: Error): void {
    this.#failed(error)
  }

  handleReadyForQuery(): void {
    this.#done()
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}
