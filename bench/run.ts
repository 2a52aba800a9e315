/**
 * `npm run bench [-- --quick] [-- --only trips,place-order,network,page,batch,hardened,memory,
 * start-up,import,telemetry,developing]`: ours and peers, interleaved,
 * against one embedded Postgres with fsync on. Prints tables; RESULTS.md keeps them by hand.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { createApiKey, queriesOf } from '../src/access/api-key/api-key.ts'
import { migrationSources } from '../src/app/sources.ts'
import { contextStatement } from '../src/database/context.ts'
import { startEmbeddedPostgres } from '../src/database/embedded/embedded-postgres.ts'
import { migrate } from '../src/database/migrate/migrate.ts'
import { Pool } from '../src/database/pool.ts'
import { runTransaction } from '../src/database/run-transaction.ts'
import { buildRegistry } from '../src/operation/registry.ts'
import { PRODUCTS, TENANT } from './apps/fixture.ts'
import { bench } from './apps/holdfast.ts'
import { batchLayer } from './batch-layer.ts'
import { developing } from './developing.ts'
import { hardened, memory } from './hardened.ts'
import { importRows } from './import.ts'
import { AppProcess } from './lib/app-process.ts'
import { machineLine } from './lib/machine.ts'
import { type Keys, type Plan, page, placeOrder } from './place-order.ts'
import { roundTrips } from './round-trips.ts'
import { startUp } from './start-up.ts'
import { telemetry } from './telemetry.ts'

const PEER_KEY = 'peer-key-0123456789abcdef'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: 'trips,place-order,network,page,batch' },
  },
})
const plan: Plan = values.quick
  ? { rounds: 2, durationMs: 2_000, connections: [16] }
  : { rounds: 5, durationMs: 4_000, connections: [1, 16, 64] }
const wanted = new Set(values.only.split(','))

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
const server = await startEmbeddedPostgres({ projectDir: folder })
try {
  const url = server.url()
  const keys = await prepare(url)
  const version = await serverVersion(url)
  console.log(`npm run bench${values.quick ? ' -- --quick' : ''}\n${machineLine(version)}`)
  console.log(`${plan.rounds} rounds of ${plan.durationMs} ms each, interleaved; medians.\n`)
  if (wanted.has('trips')) console.log(await roundTrips(url, keys), '\n')
  if (wanted.has('place-order')) console.log(await placeOrder(url, keys, plan), '\n')
  if (wanted.has('network')) console.log(await acrossNetwork(url, keys), '\n')
  // As autovacuum would have done by now: plans of a page must not rest on an empty table.
  await analyze(url)
  if (wanted.has('page')) console.log(await page(url, keys, plan), '\n')
  if (wanted.has('hardened')) console.log(await hardened(url, keys, plan), '\n')
  if (wanted.has('memory')) console.log(await memory(url, keys, values.quick), '\n')
  if (wanted.has('start-up')) console.log(await startUp(url, plan), '\n')
  if (wanted.has('telemetry')) console.log(await telemetry(url, keys, plan), '\n')
  if (wanted.has('developing')) console.log(await developing(url, plan), '\n')
  if (wanted.has('import')) console.log(await importRows(url, plan), '\n')
  if (wanted.has('batch')) console.log(await batchLayer(url, plan), '\n')
} finally {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function prepare(url: string): Promise<Keys> {
  const sources = migrationSources(buildRegistry(bench))
  await migrate({ url, sources })
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(await readFile(new URL('./peer-schema.sql', import.meta.url), 'utf8'))
  const products = `SELECT '${TENANT}', 'SKU-' || n, 1000 + n % 5000, 1000000000
 FROM generate_series(1, ${PRODUCTS}) n`
  await client.query(`INSERT INTO peer.products (tenant, sku, price_minor, stock) ${products}`)
  await client.query('BEGIN')
  await client.query(`SELECT set_config('holdfast.tenant', '${TENANT}', true)`)
  await client.query(`INSERT INTO bench_products (tenant_id, sku, price_minor, stock) ${products}`)
  await client.query('COMMIT')
  await client.query('ANALYZE')
  await client.end()
  return { holdfast: await issueKey(url), peer: PEER_KEY }
}

async function acrossNetwork(url: string, keys: Keys): Promise<string> {
  const network = await AppProcess.start('network', 'delay-proxy.ts', url)
  try {
    const commands = await placeOrder(network.url, keys, { ...plan, connections: [16] })
    const queries = await page(network.url, keys, plan)
    return `The database a millisecond away, each way:\n\n${commands}\n\n${queries}`
  } finally {
    await network.stop()
  }
}

async function analyze(url: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('ANALYZE')
  await client.end()
}

async function issueKey(url: string): Promise<string> {
  const pool = new Pool({ url, connectionsMax: 1 })
  const context = () => [
    contextStatement({
      role: 'holdfast_app',
      tenant: TENANT,
      actor: 'bench',
      remainingMs: 5_000,
      lockTimeoutMs: 5_000,
      purpose: 'write',
    }),
  ]
  const deadlineMs = pool.clock.monotonicMs() + 10_000
  const issued = await runTransaction(
    pool,
    { isolation: 'read committed', deadlineMs, opening: context, inDoubt: 'xid' },
    (tx) =>
      createApiKey(queriesOf(tx), {
        name: 'bench',
        environment: 'bench',
        permissions: ['orders:read', 'orders:write'],
      }),
  )
  await pool.close()
  return issued.text.reveal()
}

async function serverVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  await client.end()
  return rows[0]?.server_version ?? 'unknown'
}
