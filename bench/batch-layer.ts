/**
 * The batch layer alone: context + claim + order + outbox as one batch, and as two (the opening
 * fused with the first statement, then the rest with COMMIT), against pgbench with the same SQL,
 * prepared and in one pipeline: what the server can do with a client that costs nearly nothing.
 */
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import type { Connection } from '../src/database/connection.ts'
import { Pool } from '../src/database/pool.ts'
import type { Statement } from '../src/database/statement.ts'
import { median, ratio, table } from './lib/statistics.ts'
import type { Plan } from './place-order.ts'

const CONNECTIONS = 16
const CUSTOMERS = 100_000

const context: Statement = {
  text: `SELECT set_config('app.tenant', $1, true), set_config('statement_timeout', $2, true), set_config('lock_timeout', $3, true)`,
  values: ['bench', '10000', '2000'],
}
const begin: Statement = { text: 'BEGIN', values: [] }
const commit: Statement = { text: 'COMMIT', values: [] }
const claim = (): Statement => ({
  text: `INSERT INTO layer.keys (key) VALUES ($1)`,
  values: [randomUUID()],
})
const order = (): Statement => ({
  text: `INSERT INTO layer.orders (customer, total) VALUES ($1, $2) RETURNING id`,
  values: [Math.floor(Math.random() * CUSTOMERS), 1234],
})
const outbox = (): Statement => ({
  text: `INSERT INTO layer.outbox (payload) VALUES ($1)`,
  values: ['{"kind":"order-placed","order":12345}'],
})

const PGBENCH_SCRIPT = `\\set customer random(0, ${CUSTOMERS - 1})
\\startpipeline
BEGIN;
SELECT set_config('app.tenant', 'bench', true), set_config('statement_timeout', '10000', true), set_config('lock_timeout', '2000', true);
INSERT INTO layer.keys (key) VALUES (gen_random_uuid());
INSERT INTO layer.orders (customer, total) VALUES (:customer, 1234) RETURNING id;
INSERT INTO layer.outbox (payload) VALUES ('{"kind":"order-placed","order":12345}');
COMMIT;
\\endpipeline
`

async function oneBatch(connection: Connection): Promise<void> {
  const statements = [begin, context, claim(), order(), outbox(), commit]
  await connection.run(statements, { closing: true })
}

async function twoTrips(connection: Connection): Promise<void> {
  await connection.run([begin, context, claim(), order()])
  await connection.run([outbox(), commit], { closing: true })
}

export async function batchLayer(url: string, plan: Plan): Promise<string> {
  await prepare(url)
  const rates = new Map<string, number[]>()
  const note = (name: string, rate: number | undefined) => {
    if (rate !== undefined) rates.set(name, [...(rates.get(name) ?? []), rate])
  }
  for (let round = 0; round < plan.rounds; round++) {
    note('pgbench, prepared, one pipeline (the limit)', pgbench(url, plan.durationMs))
    note('batch layer, one batch', await ours(url, plan.durationMs, oneBatch))
    note('batch layer, two trips', await ours(url, plan.durationMs, twoTrips))
  }
  const limit = median([...(rates.values().next().value ?? [])])
  const rows = [...rates].map(([name, values]) => [
    name,
    median(values).toFixed(0),
    ratio(median(values), limit),
  ])
  return table([`transactions, C = ${CONNECTIONS}`, 'per second', 'of the limit'], rows)
}

async function prepare(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE SCHEMA IF NOT EXISTS layer;
    CREATE TABLE IF NOT EXISTS layer.keys (key uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE IF NOT EXISTS layer.orders (id bigserial PRIMARY KEY, customer int NOT NULL, total int NOT NULL);
    CREATE TABLE IF NOT EXISTS layer.outbox (id bigserial PRIMARY KEY, payload jsonb NOT NULL);`)
  await client.end()
}

async function ours(
  url: string,
  durationMs: number,
  transaction: (connection: Connection) => Promise<void>,
): Promise<number> {
  const pool = new Pool({ url, connectionsMax: CONNECTIONS })
  const endAt = performance.now() + durationMs
  let count = 0
  const client = async () => {
    const connection = await pool.acquire()
    for (; performance.now() < endAt; count++) await transaction(connection)
    await connection.release()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
  await pool.close()
  return count / (durationMs / 1000)
}

/** Debian's package, which the bench alone uses; without it the limit is left out of the table. */
function findPgbench(): string | undefined {
  const base = '/usr/lib/postgresql'
  if (!existsSync(base)) return undefined
  return readdirSync(base)
    .map((version) => join(base, version, 'bin', 'pgbench'))
    .find((path) => existsSync(path))
}

function pgbench(url: string, durationMs: number): number | undefined {
  const program = findPgbench()
  if (program === undefined) return undefined
  const { hostname, port, username, password, pathname } = new URL(url)
  const folder = mkdtempSync(join(tmpdir(), 'pgbench-'))
  const script = join(folder, 'script.sql')
  writeFileSync(script, PGBENCH_SCRIPT)
  const seconds = String(Math.max(1, Math.round(durationMs / 1000)))
  const args = ['-n', '-M', 'prepared', '-c', String(CONNECTIONS), '-j', '2', '-T', seconds]
  const target = ['-f', script, '-h', hostname, '-p', port, '-U', username, pathname.slice(1)]
  const result = spawnSync(program, [...args, ...target], {
    encoding: 'utf8',
    env: { ...process.env, PGPASSWORD: decodeURIComponent(password) },
  })
  rmSync(folder, { recursive: true })
  const tps = /tps = ([\d.]+)/.exec(result.stdout)?.[1]
  if (tps === undefined) throw new Error(`pgbench failed: ${result.stderr}`)
  return Number(tps)
}
