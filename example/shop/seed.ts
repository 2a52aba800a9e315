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
  /** Called once if there is something to load, before it is. */
  readonly onLoad?: () => void
}

export interface SeedReport {
  readonly keys: readonly DevKey[]
  /** Tenants that were loaded now. */
  readonly loaded: readonly Tenant[]
  /** A product of the first tenant that can be ordered. */
  readonly sku: string
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
  const { url, onLoad } = options
  const script = await readFile(new URL('./seed.sql', import.meta.url), 'utf8')
  let told = false
  const tell = () => {
    if (!told) onLoad?.()
    told = true
  }
  const reports = await Promise.all(
    tenants.map((tenant) =>
      withClient(url, (client) => seedTenant(client, { ...options, tenant, script, tell })),
    ),
  )
  const loaded = tenants.filter((_, index) => reports[index]?.loaded)
  // Plans would be guesses until autovacuum comes by.
  if (loaded.length > 0) await withClient(url, (client) => client.query(ANALYZE))
  const keys = reports.flatMap((report) => report.keys)
  return {
    keys: keys.map(({ tenant, role, key }) => ({ tenant, role, key })),
    loaded,
    sku: reports[0]?.sku ?? '',
  }
}

const ANALYZE =
  'ANALYZE products, orders, order_lines, product_sales, fraud_assessments, shipments, shipment_moves'

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

interface TenantSeed extends SeedOptions {
  readonly tenant: Tenant
  readonly script: string
  readonly tell: () => void
}

interface TenantReport {
  readonly keys: readonly IssuedDevKey[]
  readonly loaded: boolean
  readonly sku: string
}

async function seedTenant(client: pg.Client, given: TenantSeed): Promise<TenantReport> {
  const [space, first] = LOCK
  await client.query('BEGIN')
  await client.query('SELECT pg_advisory_xact_lock($1, $2)', [
    space,
    first + tenants.indexOf(given.tenant),
  ])
  const keys = await keysOf(client, given)
  const { rowCount } = await client.query('SELECT FROM products LIMIT 1')
  const loaded = rowCount === 0
  if (loaded) await load(client, given, keys)
  const { rows } = await client.query<{ sku: string }>(ORDERABLE)
  await client.query('COMMIT')
  return { keys, loaded, sku: rows[0]?.sku ?? '' }
}

const ORDERABLE = `SELECT sku FROM products WHERE active AND stock >= 10 ORDER BY created_at, id LIMIT 1`

/** Keys are made as the app would make them: the owner of their table is under its policies too. */
async function keysOf(client: pg.Client, given: TenantSeed): Promise<readonly IssuedDevKey[]> {
  const { tenant, writtenDown = [] } = given
  await set(client, { 'holdfast.tenant': tenant, 'holdfast.actor': 'seed', role: 'holdfast_app' })
  const keys = await devKeys(client, tenant, writtenDown)
  await set(client, { role: 'none' })
  return keys
}

async function load(
  client: pg.Client,
  { tenant, script, tell, sizes = fullSizes }: TenantSeed,
  keys: readonly IssuedDevKey[],
): Promise<void> {
  tell()
  const size = sizes[tenant]
  await set(client, {
    'seed.currency': currencies[tenant].main,
    'seed.other_currency': currencies[tenant].other,
    'seed.products': String(size.products),
    'seed.orders': String(size.orders),
    'seed.customers': String(size.customers),
    'seed.first_customer': keys.find((key) => key.role === 'customer')?.principal ?? 'customer',
  })
  await client.query(script)
}

async function set(client: pg.Client, settings: Readonly<Record<string, string>>): Promise<void> {
  const names = Object.keys(settings)
  const calls = names.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`)
  await client.query(`SELECT ${calls.join(', ')}`, Object.entries(settings).flat())
}
