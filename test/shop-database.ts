/** The migrated database of the shop, for tests that start the shop in ways of their own. */
import pg from 'pg'
import { app } from '../example/shop/app.ts'
import type { Role, Tenant } from '../example/shop/shared/roles.ts'
import { createApiKey } from '../src/access/api-key/api-key.ts'
import { migrationSources } from '../src/app/sources.ts'
import { uuidv7 } from '../src/base/id.ts'
import { migrate } from '../src/database/migrate/migrate.ts'
import type { Statement } from '../src/database/statement.ts'
import { buildRegistry } from '../src/operation/registry.ts'
import {
  type TestDatabase,
  type TestDatabaseOptions,
  testDatabase,
} from '../src/testing/test-database.ts'

export interface ShopKey {
  readonly text: string
  readonly principal: string
}

export interface TestProduct {
  readonly sku: string
  readonly stock: number
}

const PRICE_MINOR = 1_999

export class ShopDatabase {
  readonly #database: TestDatabase

  private constructor(database: TestDatabase) {
    this.#database = database
  }

  static async make(options: TestDatabaseOptions = {}): Promise<ShopDatabase> {
    const database = await testDatabase(options)
    await migrate({ url: database.url, sources: migrationSources(buildRegistry(app)) })
    return new ShopDatabase(database)
  }

  get url(): string {
    return this.#database.url
  }

  /** What a process of the shop needs; ports are chosen by the system. */
  get env(): Readonly<Record<string, string>> {
    return {
      HOLDFAST_ENV: 'test',
      DATABASE_URL: this.url,
      PORT: '0',
      ADMIN_PORT: '0',
      LOG_LEVEL: 'error',
      LOG_FORMAT: 'json',
    }
  }

  /** Reads across tenants and framework tables, as a dump would. */
  async rows<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    return withClient(this.#database.adminUrl, async (client) => {
      await client.query('SET ROLE holdfast_backup')
      const { rows } = await client.query<Row>(text, [...values])
      return rows
    })
  }

  /** Runs as the loops do, who may write to the framework's tables. */
  async asLoops(text: string): Promise<number> {
    return withClient(this.url, async (client) => {
      await client.query('BEGIN; SET LOCAL ROLE holdfast_loops')
      const { rowCount } = await client.query(text)
      await client.query('COMMIT')
      return rowCount ?? 0
    })
  }

  /** Runs as the owner of the tables: what a migration would do. */
  async change(...texts: readonly string[]): Promise<void> {
    await withClient(this.url, async (client) => {
      for (const text of texts) await client.query(text)
    })
  }

  async addProducts(tenant: Tenant, products: readonly TestProduct[]): Promise<void> {
    const column = <K extends keyof TestProduct>(name: K) => products.map((each) => each[name])
    const values = [products.map(() => uuidv7()), column('sku'), column('stock'), PRICE_MINOR]
    await this.#inTenant(tenant, {
      text: `INSERT INTO products (id, sku, name, price_minor, currency, stock)
SELECT id, sku, 'Thing ' || sku, $4, 'EUR', stock
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS product (id, sku, stock)`,
      values,
    })
  }

  async addKey(tenant: Tenant, role: Role): Promise<ShopKey> {
    const query = <Row>(statement: Statement) =>
      this.#inTenant(tenant, statement) as Promise<readonly unknown[]> as Promise<Row[]>
    const { key, text } = await createApiKey(
      { query },
      { name: 'test', environment: 'dev', roles: [role] },
    )
    return { text: text.reveal(), principal: key.principal }
  }

  #inTenant(tenant: Tenant, { text, values }: Statement): Promise<readonly unknown[]> {
    return withClient(this.url, async (client) => {
      await client.query('BEGIN')
      const context = `SELECT set_config('role', 'holdfast_app', true), set_config('holdfast.tenant', $1, true)`
      await client.query(context, [tenant])
      const { rows } = await client.query(text, [...values])
      await client.query('COMMIT')
      return rows
    })
  }

  drop(): Promise<void> {
    return this.#database.drop()
  }
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
