/** The migrated database of an app, for tests that start the app in ways of their own. */
import pg from 'pg'
import { createApiKey } from '../src/access/api-key/api-key.ts'
import { migrationSources } from '../src/app/sources.ts'
import { migrate } from '../src/database/migrate/migrate.ts'
import type { Statement } from '../src/database/statement.ts'
import type { AppDefinition } from '../src/operation/builder.ts'
import { buildRegistry } from '../src/operation/registry.ts'
import {
  type TestDatabase,
  type TestDatabaseOptions,
  testDatabase,
} from '../src/testing/test-database.ts'

export class AppDatabase {
  readonly #database: TestDatabase

  private constructor(database: TestDatabase) {
    this.#database = database
  }

  static async make(app: AppDefinition, options: TestDatabaseOptions = {}): Promise<AppDatabase> {
    const database = await testDatabase(options)
    await migrate({ url: database.url, sources: migrationSources(buildRegistry(app)) })
    return new AppDatabase(database)
  }

  get url(): string {
    return this.#database.url
  }

  /** The settings of a process of the app; ports are chosen by the system. */
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
  rows<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    return withClient(this.#database.adminUrl, async (client) => {
      await client.query('SET ROLE holdfast_backup')
      const { rows } = await client.query<Row>(text, [...values])
      return rows
    })
  }

  async row<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row> {
    const [row] = await this.rows<Row>(text, values)
    if (row === undefined) throw new Error(`No row for: ${text}`)
    return row
  }

  /** How many sessions wait for somebody's lock. */
  async blocked(): Promise<number> {
    const { n } = await this.row<{ n: number }>(
      `SELECT count(DISTINCT pid)::int AS n FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE NOT granted AND datname = current_database()`,
    )
    return n
  }

  /** As the loops, who may write to the framework's tables. */
  async asLoops(text: string, values: readonly unknown[] = []): Promise<void> {
    await withClient(this.url, async (client) => {
      await client.query('BEGIN; SET LOCAL ROLE holdfast_loops')
      await client.query(text, [...values])
      await client.query('COMMIT')
    })
  }

  /** As the owner of the tables, one transaction for each: what a migration would do. */
  async change(...texts: readonly string[]): Promise<void> {
    await withClient(this.url, async (client) => {
      for (const text of texts) await client.query(text)
    })
  }

  inTenant<Row>(tenant: string, { text, values }: Statement): Promise<Row[]> {
    return withClient(this.url, async (client) => {
      await client.query('BEGIN')
      const context = `SELECT set_config('role', 'holdfast_app', true), set_config('holdfast.tenant', $1, true)`
      await client.query(context, [tenant])
      const { rows } = await client.query(text, [...values])
      await client.query('COMMIT')
      return rows
    })
  }

  /** The text of a new API key; a principal of its own for each. */
  async addKey(tenant: string, role: string): Promise<string> {
    const query = <Row>(statement: Statement) => this.inTenant<Row>(tenant, statement)
    const options = { name: 'test', environment: 'dev', roles: [role] }
    const { text } = await createApiKey({ query }, options)
    return text.reveal()
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
