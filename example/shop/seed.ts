/**
 * Data for development: two tenants with products and orders, and their keys. A tenant is loaded
 * once for each database, in one transaction; both at the same time.
 */
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { type DevKey, devKeys, type IssuedDevKey } from './dev-keys.ts'
import { type Tenant, tenants } from './shared/roles.ts'

export interface SeedSize {
  readonly products: number
  readonly orders: number
  readonly customers: number
}

export interface SeedOptions {
  /** A direct connection, as the owner of the tables. */
  readonly url: string
  /** Keys of an earlier start, so that they stay good. */
  readonly writtenDown?: readonly DevKey[]
  readonly sizes?: Readonly<Record<Tenant, SeedSize>>
}

export interface SeedReport {
  readonly keys: readonly DevKey[]
  /** Tenants that were loaded now. */
  readonly loaded: readonly Tenant[]
}

const fullSizes: Readonly<Record<Tenant, SeedSize>> = {
  acme: { products: 6_000, orders: 60_000, customers: 2_000 },
  globex: { products: 5_000, orders: 45_000, customers: 2_000 },
}

const currencies: Readonly<Record<Tenant, { readonly main: string; readonly other: string }>> = {
  acme: { main: 'EUR', other: 'GBP' },
  globex: { main: 'USD', other: 'CAD' },
}

/** 'shop', 1: two starts at once load nothing twice. */
const LOCK = [0x73_68_6f_70, 1] as const

export async function seed(options: SeedOptions): Promise<SeedReport> {
  const { url, writtenDown = [], sizes = fullSizes } = options
  const script = await readFile(new URL('./seed.sql', import.meta.url), 'utf8')
  const reports = await Promise.all(
    tenants.map((tenant, index) =>
      withClient(url, async (client) => {
        const [space, first] = LOCK
        await client.query('BEGIN')
        await client.query('SELECT pg_advisory_xact_lock($1, $2)', [space, first + index])
        const keys = await keysOf(client, tenant, writtenDown)
        const loaded = await loadOnce(client, { tenant, script, keys, size: sizes[tenant] })
        await client.query('COMMIT')
        return { keys, loaded: loaded ? [tenant] : [] }
      }),
    ),
  )
  const loaded = reports.flatMap((report) => report.loaded)
  // Plans would be guesses until autovacuum comes by.
  if (loaded.length > 0) await withClient(url, (client) => client.query(ANALYZE))
  const keys = reports.flatMap((report) => report.keys)
  return { keys: keys.map(({ tenant, role, key }) => ({ tenant, role, key })), loaded }
}

const ANALYZE = 'ANALYZE products, orders, order_lines, product_sales'

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'shop seed' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    // An open transaction ends with its connection.
    await client.end()
  }
}

/** Keys are made as the app would make them: the owner of their table is under its policies too. */
async function keysOf(
  client: pg.Client,
  tenant: Tenant,
  writtenDown: readonly DevKey[],
): Promise<readonly IssuedDevKey[]> {
  await set(client, { 'holdfast.tenant': tenant, 'holdfast.actor': 'seed', role: 'holdfast_app' })
  const keys = await devKeys(client, tenant, writtenDown)
  await set(client, { role: 'none' })
  return keys
}

interface Load {
  readonly tenant: Tenant
  readonly script: string
  readonly keys: readonly IssuedDevKey[]
  readonly size: SeedSize
}

async function loadOnce(client: pg.Client, load: Load): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM products LIMIT 1')
  if (rowCount !== 0) return false
  const { size, keys } = load
  await set(client, {
    'seed.currency': currencies[load.tenant].main,
    'seed.other_currency': currencies[load.tenant].other,
    'seed.products': String(size.products),
    'seed.orders': String(size.orders),
    'seed.customers': String(size.customers),
    'seed.first_customer': keys.find((key) => key.role === 'customer')?.principal ?? 'customer',
  })
  await client.query(load.script)
  return true
}

async function set(client: pg.Client, settings: Readonly<Record<string, string>>): Promise<void> {
  const names = Object.keys(settings)
  const calls = names.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`)
  await client.query(`SELECT ${calls.join(', ')}`, Object.entries(settings).flat())
}
