/** Against the shop, whose lists have indexes and whose statements everybody can read. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { app } from '../../example/shop/app.ts'
import { migrationSources } from '../app/sources.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { buildRegistry } from '../operation/registry.ts'
import { type TestDatabase, testDatabase } from '../testing/test-database.ts'
import { main } from './main.ts'

const shop = join(import.meta.dirname, '../../example/shop')

describe('holdfast explain --plans', () => {
  let database: TestDatabase
  before(async () => {
    database = await testDatabase()
    await migrate({ url: database.url, sources: migrationSources(buildRegistry(app)) })
  })
  after(() => database.drop())

  async function explain(...words: string[]) {
    const out: string[] = []
    const err: string[] = []
    const code = await main(['explain', ...words], {
      env: { DATABASE_URL: database.url },
      cwd: shop,
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
    })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }

  test('shows the plan of a list, of the statements around a handler, and nothing empty', async () => {
    const list = await explain('ordering.list-orders', '--plans')
    assert.deepEqual([list.code, list.err], [0, ''])
    assert.match(list.out, /^SELECT .*\n(?: .*\n)* {4}Limit {2}\(cost=/)
    assert.doesNotMatch(list.out, /read whole/)
    const command = await explain('ordering.place-order', '--plans', '--json')
    const { plans } = JSON.parse(command.out)
    const texts = plans.map(({ lines }: { lines: string[] }) => lines.join('\n'))
    assert.ok(texts.some((text: string) => text.includes('Insert on idempotency_keys')))
    assert.ok(plans.every(({ lines }: { lines: string[] }) => lines.length > 0))
  })

  test('shows the plan of any one statement, and which table has no index for it', async () => {
    const { code, out } = await explain('--sql', 'SELECT id FROM holdfast.migrations WHERE id < $1')
    assert.equal(code, 0)
    assert.match(out, /Seq Scan on migrations/)
    assert.match(out, /read whole at any size: migrations/)
    const indexed = await explain('--sql', 'SELECT * FROM orders WHERE id = $1')
    assert.doesNotMatch(indexed.out, /read whole/)
  })

  test('runs nothing: not what is hidden behind a statement, not what is no statement at all', async () => {
    for (const [sql, why] of [
      ['SELECT 1; DROP TABLE orders', /cannot insert multiple commands/],
      ['SELECT 1) DROP TABLE orders', /syntax error/],
      ['DROP TABLE orders', /syntax error/],
      ['ANALYZE orders', /syntax error/],
      ['SELECT * FROM nowhere', /relation "nowhere" does not exist/],
      ['SELECT * FROM pg_authid', /permission denied/],
      ['', /syntax error|needs a value/],
    ] as const) {
      const { code, out, err } = await explain('--sql', sql)
      assert.notEqual(code, 0, sql)
      assert.match(out + err, why, sql)
    }
    const deleting = await explain('--sql', 'DELETE FROM orders')
    assert.match(deleting.out, /Delete on orders/)
    assert.equal((await explain('--sql', 'SELECT * FROM orders')).code, 0)
  })

  test('takes a statement or an operation, not both', async () => {
    const { code, err } = await explain('ordering.list-orders', '--sql', 'SELECT 1')
    assert.equal(code, 2)
    assert.match(err, /takes one statement and neither/)
  })
})
