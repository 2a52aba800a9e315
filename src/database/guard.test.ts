import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { before, test } from 'node:test'
import { type FaultCode, isFault } from '../base/fault.ts'
import { Catalog, type CatalogTable } from './catalog.ts'
import { frameworkStatement } from './framework-statement.ts'
import { firstUserFrame } from './guard/call-site.ts'
import { loadQueryParser, type QueryParser } from './guard/query-parser.ts'
import { createGuard, type Guard, type GuardOptions, ROWS_MAX } from './guard.ts'
import { kyselyOver } from './kysely.ts'
import { sql } from './sql.ts'
import type { Statement } from './statement.ts'

function table(schema: string, name: string, owner: string | undefined): CatalogTable {
  return {
    schema,
    name,
    owner,
    columns: new Map([
      ['id', 'uuid'],
      ['sku', 'text'],
      ['stock', 'integer'],
    ]),
    uniqueKeys: [['id']],
    tenantColumn: undefined,
  }
}

const catalog = new Catalog({
  searchPath: ['shop', 'public'],
  tables: [
    table('public', 'orders', 'ordering'),
    table('public', 'products', 'catalog'),
    table('shop', 'lines', 'ordering'),
    table('public', 'lines', 'catalog'),
    table('public', 'scratch', undefined),
    table('holdfast', 'jobs', 'holdfast/job'),
  ],
  functions: new Map([['count', new Set(['aggregate'] as const)]]),
})

async function guardOf(options: GuardOptions): Promise<Guard> {
  const guard = createGuard(options)
  guard.use(catalog)
  await guard.ready
  return guard
}

const place = { operation: 'ordering.place-order', module: 'ordering' }

function statement(text: string, ...values: unknown[]): Statement {
  return { text, values }
}

function fault(code: FaultCode, ...parts: readonly (string | RegExp)[]) {
  return (error: unknown) => {
    assert.ok(isFault(error, code), String(error))
    for (const part of parts) assert.match(error.message, new RegExp(part))
    return true
  }
}

let production: Guard
let development: Guard
let parse: QueryParser

before(async () => {
  production = await guardOf({ mode: 'production' })
  development = await guardOf({ mode: 'development' })
  parse = await loadQueryParser()
})

test("a write to another module's table is refused in every mode, with both names and the table", () => {
  for (const guard of [production, development]) {
    const own = guard.begin(place)
    for (const text of [
      'UPDATE products SET stock = 1 WHERE id = $1',
      'INSERT INTO public.products (sku) VALUES ($1)',
      'WITH x AS (DELETE FROM "products" WHERE id = $1 RETURNING *) SELECT count(*) FROM x',
      'MERGE INTO Products USING orders ON true WHEN MATCHED THEN DO NOTHING',
      'TRUNCATE orders, products',
      'INSERT INTO public.lines (sku) VALUES ($1)',
    ]) {
      assert.throws(
        () => own.check(statement(text, '1')),
        fault('HF_FOREIGN_TABLE', 'ordering.place-order of module ordering', 'module catalog'),
        text,
      )
      // Not only the first time.
      assert.throws(() => own.check(statement(text, '1')), fault('HF_FOREIGN_TABLE'))
    }
  }
})

test('own tables may be written, and those that nobody owns; all may be read', () => {
  const own = production.begin(place)
  for (const text of [
    'UPDATE orders SET stock = 1 WHERE id = $1',
    'INSERT INTO lines (sku) VALUES ($1)',
    'DELETE FROM scratch WHERE id = $1',
    'INSERT INTO not_there_at_start (id) VALUES ($1)',
  ]) {
    const given = statement(text, '1')
    assert.equal(own.check(given), given, text)
    assert.equal(own.check(given), given, text)
  }
  own.check(statement('SELECT * FROM products WHERE id = $1 FOR UPDATE', '1'))
})

test('what one module may write does not open it for another', () => {
  const text = 'UPDATE orders SET stock = 1 WHERE id = $1'
  production.begin(place).check(statement(text, '1'))
  const other = production.begin({ operation: 'catalog.x', module: 'catalog' })
  assert.throws(
    () => other.check(statement(text, '1')),
    fault('HF_FOREIGN_TABLE', 'module ordering'),
  )
})

test("the framework's schema is not written by hand, known table or not", () => {
  const own = production.begin(place)
  for (const text of [
    'INSERT INTO holdfast.jobs VALUES (1)',
    'DELETE FROM holdfast.later WHERE true',
  ])
    assert.throws(() => own.check(statement(text)), fault('HF_FOREIGN_TABLE', 'Holdfast itself'))
})

test('what the framework itself sends in a handler may write its tables, and no text that is alike', async () => {
  const guard = await guardOf({ mode: 'production' })
  const text = 'INSERT INTO holdfast.jobs (id) VALUES ($1)'
  const own = frameworkStatement(statement(text, 'x'))
  assert.equal(guard.begin(place).check(own), own)
  assert.throws(() => guard.begin(place).check(statement(text, 'x')), fault('HF_FOREIGN_TABLE'))
})

test('without a catalog nothing is known and nothing refused; with one it is', async () => {
  const guard = createGuard({ mode: 'production' })
  const text = 'UPDATE products SET stock = 1 WHERE id = $1'
  guard.begin(place).check(statement(text, '1'))
  guard.use(catalog)
  assert.throws(() => guard.begin(place).check(statement(text, '1')), fault('HF_FOREIGN_TABLE'))
})

test('a SELECT without a declared bound carries the row maximum, everything else goes unchanged', () => {
  const own = production.begin(place)
  const values = ['1']
  const checked = own.check({ text: 'SELECT * FROM orders', values, bigint: true })
  assert.equal(checked.rowsMax, ROWS_MAX)
  assert.equal(checked.bigint, true)
  assert.equal(checked.values, values)
  const declared = sql`SELECT * FROM orders`.bounded(7)
  assert.equal(own.check(declared), declared)
  const write = statement('UPDATE orders SET stock = 1 WHERE id = $1 RETURNING *', '1')
  assert.equal(own.check(write), write)
})

test('a SELECT without a bound is refused in development only', async () => {
  const text = 'SELECT * FROM orders WHERE sku = $1'
  production.begin(place).check(statement(text, '1'))
  const own = development.begin(place)
  const refused = fault(
    'HF_UNBOUNDED_SELECT',
    'ordering.place-order',
    'orders: it has \\(id\\)',
    'LIMIT',
  )
  assert.throws(() => own.check(statement(text, '1')), refused)
  assert.throws(() => own.check(statement(text, '1')), refused)
  assert.equal(own.check(statement(`${text} LIMIT 5`, '1')).rowsMax, ROWS_MAX)
  assert.equal(own.check(sql`SELECT * FROM orders`.bounded(20)).rowsMax, 20)
})

test('a limit that is null is no limit', () => {
  const own = development.begin(place)
  const text = 'SELECT * FROM orders LIMIT $1'
  own.check(statement(text, 5))
  assert.throws(
    () => own.check(statement(text, null)),
    fault('HF_UNBOUNDED_SELECT', '\\$1 is null'),
  )
  assert.throws(() => own.check(statement(text)), fault('HF_UNBOUNDED_SELECT'))
})

test('a write without a WHERE is refused in development, declared rows or not', () => {
  const own = development.begin(place)
  const refused = fault('HF_UNBOUNDED_WRITE', 'every row of orders', 'WHERE true')
  assert.throws(() => own.check(sql`DELETE FROM orders`), refused)
  assert.throws(() => own.check(sql`DELETE FROM orders RETURNING id`.bounded(5)), refused)
  own.check(sql`DELETE FROM orders WHERE true`)
})

test('what does not parse is left to the server', () => {
  development.begin(place).check(statement('SELEC 1'))
})

const byId = 'SELECT * FROM products WHERE id = $1'

/** The next turn of the event loop: what an awaited statement comes back in at the earliest. */
const turn = () => new Promise(setImmediate)

test('the same statement from the same place is refused at the fourth trip, with its batched form', async () => {
  const own = development.begin(place)
  const ask = async () => {
    for (let id = 1; id <= 4; id++) {
      own.check(statement(byId, id))
      await turn()
    }
  }
  await assert.rejects(
    ask,
    fault('HF_N_PLUS_ONE', '4 times in 4 trips', 'guard\\.test\\.ts:\\d+', 'id = ANY\\(\\$1\\)'),
  )
})

test('another place, another text and another run are counted apart', async () => {
  const own = development.begin(place)
  for (let n = 0; n < 3; n++) {
    own.check(statement(byId, n))
    await turn()
    own.check(statement(byId, n))
    await turn()
    own.check(statement(`${byId} LIMIT ${n + 1}`, n))
    await turn()
    development.begin(place).check(statement(byId, n))
    await turn()
  }
})

test('in one tick they are one trip, and refused at the twenty-first', () => {
  const own = development.begin(place)
  let sent = 0
  const ask = () => {
    for (; sent < 21; sent++) own.check(statement(byId, sent))
  }
  assert.throws(ask, fault('HF_N_PLUS_ONE', '21 times in 1 trips'))
  assert.equal(sent, 20)
})

test('deferred statements make no trip of their own', async () => {
  const own = development.begin(place)
  const insert = 'INSERT INTO lines (id, sku) VALUES ($1, $2)'
  const ask = async () => {
    for (let id = 1; id <= 21; id++) {
      own.check(statement(insert, id, 's'), 'deferred')
      await turn()
    }
  }
  await assert.rejects(
    ask,
    fault('HF_N_PLUS_ONE', '21 times in 0 trips', 'unnest\\(\\$1::uuid\\[\\]\\)'),
  )
})

test('a called command counts with its caller; a declared count is respected', async () => {
  const caller = development.begin(place)
  const call = async () => {
    for (let id = 1; id <= 4; id++) {
      const inner = development.begin({ operation: 'catalog.x', module: 'catalog', within: caller })
      inner.check(statement(byId, id))
      await turn()
    }
  }
  await assert.rejects(call, fault('HF_N_PLUS_ONE', 'catalog.x'))
  const pages = development.begin({ ...place, repeatsMax: 10 })
  for (let page = 0; page < 10; page++) {
    pages.check(statement('SELECT * FROM orders WHERE id > $1 LIMIT 100', page))
    await turn()
  }
})

test('the place is found behind a query builder', async () => {
  const own = development.begin(place)
  const db = kyselyOver<{ products: { id: number } }>(async (given) => {
    own.check(given)
    await turn()
    return { rows: [], rowCount: 0, command: 'SELECT' }
  })
  const ask = async () => {
    for (let id = 1; id <= 4; id++) {
      await db.selectFrom('products').selectAll().where('id', '=', id).execute()
    }
  }
  await assert.rejects(ask, fault('HF_N_PLUS_ONE', '4 trips', 'guard\\.test\\.ts:\\d+', 'ANY'))
})

test('a frame is the user’s where it is neither ours, nor a library’s, nor of Node', () => {
  const root = new URL('./', import.meta.url).pathname
  const stack = `Error
    at check (file://${root}guard.ts:1:1)
    at Object.execute (/app/node_modules/kysely/dist/x.js:1:2)
    at process.processTicksAndRejections (node:internal/process/task_queues:104:5)
    at async Promise.all (index 0)
    at async placeOrder (file:///app/src/place-order.ts:12:34)`
  assert.equal(firstUserFrame(stack), '/app/src/place-order.ts:12:34')
  assert.equal(firstUserFrame('Error\n    at async /app/a.ts:5:6'), '/app/a.ts:5:6')
  assert.equal(firstUserFrame('Error\n    at process.x (node:internal:1:1)'), undefined)
})

const NAMED_ORDERS = 'UPDATE orders SET stock = $1 WHERE id = $2'

test('batched forms', async () => {
  const forms: readonly [string, readonly unknown[], readonly unknown[], string | undefined][] = [
    [byId, [1], [2], 'SELECT * FROM products WHERE id = ANY($1)'],
    [
      'DELETE FROM products WHERE id = $1 AND sku = $2',
      [1, 'a'],
      [2, 'a'],
      'DELETE FROM products WHERE id = ANY($1) AND sku = $2',
    ],
    [
      'SELECT * FROM products WHERE sku = $2 AND id = $1 LIMIT 1',
      [1, 'a'],
      [2, 'b'],
      'SELECT * FROM products WHERE (sku, id) IN (SELECT * FROM unnest($2::text[], $1::uuid[])) LIMIT 1',
    ],
    [
      NAMED_ORDERS,
      [5, 1],
      [6, 2],
      'UPDATE orders SET stock = item.stock FROM unnest($1::integer[], $2::uuid[]) AS item (stock, id) WHERE orders.id = item.id',
    ],
    [NAMED_ORDERS, [5, 1], [5, 2], 'UPDATE orders SET stock = $1 WHERE id = ANY($2)'],
    [
      'INSERT INTO lines (id, sku, stock) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING',
      [1, 'a'],
      [1, 'b'],
      'INSERT INTO lines (id, sku, stock) SELECT $1, item.sku, 0 FROM unnest($2::text[]) AS item (sku) ON CONFLICT DO NOTHING',
    ],
    [
      'INSERT INTO elsewhere (id, sku) VALUES ($1, $2)',
      [1, 'a'],
      [2, 'a'],
      'INSERT INTO elsewhere (id, sku) VALUES ($1, $2), ($3, $4), ...',
    ],
    [byId, [1], [1], undefined],
    ['SELECT * FROM products WHERE id > $1', [1], [2], undefined],
    ['SELECT * FROM products WHERE id = $1 OR sku = $1', [1], [2], undefined],
  ]
  const { batchedForm } = await import('./guard/batched-form.ts')
  for (const [text, first, later, expected] of forms) {
    const form = batchedForm({ text, values: later }, first, catalog)
    assert.equal(form, expected)
    if (form !== undefined && !form.endsWith('...')) assert.ok(parse(form) !== undefined, form)
  }
})

test('without the grammar development says so once and goes on', () => {
  const script = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name === 'libpg-query') throw new Error('not installed')
      return next(name, context)
    } })
    const { createGuard } = await import(${JSON.stringify(new URL('./guard.ts', import.meta.url))})
    const guard = createGuard({ mode: 'development', onNotice: (notice) => console.log(notice) })
    await guard.ready
    const own = guard.begin({ operation: 'a.b', module: 'a' })
    own.check({ text: 'SELECT * FROM t', values: [] })
    own.check({ text: 'SELECT * FROM t', values: [] })`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.equal(
    stdout,
    'Statements are not checked for bounds: libpg-query: not installed\n',
    stderr,
  )
})
