import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import pg from 'pg'
import { type TestDatabase, testDatabase } from '../../testing/test-database.ts'
import { Catalog, type CatalogTable, type FunctionTrait } from '../catalog.ts'
import { loadQueryParser, type QueryParser } from './query-parser.ts'
import { judgeRows, type Verdict } from './row-bound.ts'

function table(
  name: string,
  columns: string,
  keys: readonly string[],
  tenantColumn?: string,
): CatalogTable {
  return {
    schema: 'public',
    name,
    owner: undefined,
    columns: new Map(columns.split(' ').map((column) => [column, 'text'])),
    uniqueKeys: keys.map((key) => key.split(' ')),
    tenantColumn,
  }
}

const traits = (list: Record<string, FunctionTrait[]>) =>
  new Map(Object.entries(list).map(([name, all]) => [name, new Set(all)]))

const catalog = new Catalog({
  searchPath: ['public'],
  tables: [
    table(
      'orders',
      'tenant_id id number status',
      ['tenant_id id', 'tenant_id number'],
      'tenant_id',
    ),
    table('lines', 'tenant_id order_id line_no sku', ['tenant_id order_id line_no'], 'tenant_id'),
    table('products', 'sku name', ['sku']),
    table('settings', 'tenant_id theme', ['tenant_id'], 'tenant_id'),
    table('report', 'id total', []),
  ],
  functions: traits({
    count: ['aggregate'],
    max: ['aggregate'],
    array_agg: ['aggregate'],
    unnest: ['set'],
    jsonb_to_recordset: ['set'],
    generate_series: ['set'],
    random: ['volatile'],
  }),
})

let parse: QueryParser
let database: TestDatabase
let client: pg.Client

before(async () => {
  parse = await loadQueryParser()
  database = await testDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
})

after(async () => {
  await client.end()
  await database.drop()
})

function judge(text: string): Verdict {
  const tree = parse(text)
  assert.ok(tree !== undefined, `does not parse: ${text}`)
  return judgeRows(tree, catalog)
}

const BOUNDED = [
  'SELECT * FROM orders LIMIT 10',
  'SELECT * FROM orders FETCH FIRST 3 ROWS ONLY',
  'SELECT * FROM orders WHERE id = $1',
  'SELECT * FROM orders WHERE $1 = id AND status = $2',
  'SELECT * FROM orders o WHERE o.number = ANY ($1::text[])',
  'SELECT * FROM orders WHERE id IN ($1, $2)',
  'SELECT * FROM orders WHERE id = $1 OR number = $2',
  'SELECT * FROM orders WHERE (id, status) = ($1, $2)',
  'SELECT * FROM orders WHERE id = lower($1)',
  'SELECT * FROM public.orders WHERE orders.id = $1',
  'SELECT theme FROM settings',
  'SELECT * FROM lines WHERE order_id = $1 AND line_no = $2',
  'SELECT * FROM lines WHERE (order_id, line_no) IN (($1, $2), ($3, $4))',
  'SELECT * FROM lines WHERE (order_id, line_no) IN (SELECT * FROM unnest($1::text[], $2::text[]))',
  'SELECT * FROM lines l JOIN orders o ON o.id = l.order_id WHERE l.order_id = $1 AND line_no = 1',
  'SELECT * FROM lines JOIN orders ON orders.id = order_id LEFT JOIN products USING (sku) WHERE orders.id = $1 AND line_no = 1',
  'SELECT * FROM products RIGHT JOIN orders ON sku = $1 WHERE orders.id = $2',
  'SELECT * FROM products p JOIN unnest($1::text[], $2::int[]) AS i (sku, n) ON p.sku = i.sku',
  'SELECT * FROM products p JOIN unnest($1::text[]) AS key ON p.sku = key',
  'SELECT * FROM products JOIN jsonb_to_recordset($1) AS i (sku text, n int) USING (sku)',
  'SELECT * FROM products WHERE sku IN (SELECT sku FROM lines WHERE order_id = $1 LIMIT 5)',
  'SELECT * FROM orders WHERE id = (SELECT max(order_id) FROM lines)',
  'SELECT count(*) FROM orders',
  'SELECT array_agg(id) FILTER (WHERE status = $1) FROM orders',
  'SELECT 1 FROM orders HAVING count(*) > 1',
  'SELECT EXISTS (SELECT FROM orders)',
  'SELECT now(), $1::text, (SELECT max(id) FROM orders)',
  'SELECT unnest($1::text[])',
  'VALUES (1), (2)',
  'SELECT * FROM (VALUES (1), (2)) AS v (a)',
  '(SELECT id FROM orders LIMIT 1) UNION ALL (SELECT id FROM orders LIMIT 1)',
  'SELECT id FROM orders UNION SELECT sku FROM products LIMIT 5',
  'SELECT id FROM orders INTERSECT SELECT $1',
  'SELECT $1 EXCEPT SELECT id FROM orders',
  'WITH o AS (SELECT * FROM orders LIMIT 3) SELECT * FROM o JOIN orders ON orders.id = o.id',
  'WITH orders AS (SELECT * FROM orders WHERE id = $1) SELECT * FROM orders',
  "WITH o AS (UPDATE orders SET status = 'x' WHERE number = $1 RETURNING *) SELECT * FROM o",
  'SELECT * FROM (SELECT * FROM orders LIMIT 2) s, LATERAL (SELECT * FROM lines WHERE order_id = s.id LIMIT 3) t',
  'INSERT INTO orders VALUES ($1, $2) RETURNING *',
  'INSERT INTO orders SELECT * FROM orders',
  "UPDATE orders SET status = 'x' WHERE status = $1 RETURNING id",
  'DELETE FROM orders WHERE true RETURNING id',
]

const UNBOUNDED = [
  'SELECT * FROM orders',
  'TABLE orders',
  'SELECT * FROM orders LIMIT ALL',
  'SELECT * FROM orders LIMIT NULL',
  'SELECT * FROM orders LIMIT (SELECT count(*) FROM lines)',
  'SELECT * FROM orders ORDER BY id FETCH FIRST 3 ROWS WITH TIES',
  'SELECT * FROM orders OFFSET 5',
  'SELECT * FROM orders WHERE status = $1',
  'SELECT * FROM orders WHERE id > $1',
  'SELECT * FROM orders WHERE id <> $1',
  'SELECT * FROM orders WHERE NOT id = $1',
  'SELECT * FROM orders WHERE id = id',
  'SELECT * FROM orders WHERE lower(id) = $1',
  'SELECT * FROM orders WHERE id = number',
  'SELECT * FROM orders WHERE id = random()::text',
  'SELECT * FROM orders WHERE id = $1 OR status = $2',
  'SELECT * FROM orders WHERE id IS NOT DISTINCT FROM $1',
  'SELECT * FROM orders WHERE id = ANY (string_to_array(status, $1))',
  'SELECT * FROM orders WHERE id NOT IN ($1)',
  'SELECT * FROM orders WHERE id = ALL ($1)',
  'SELECT * FROM lines WHERE order_id = $1',
  'SELECT * FROM orders JOIN lines ON order_id = id WHERE id = $1',
  'SELECT * FROM orders LEFT JOIN products ON id = $1 AND sku = $2',
  'SELECT * FROM products RIGHT JOIN orders ON sku = $1 AND id = $2',
  'SELECT * FROM products FULL JOIN orders ON sku = id WHERE sku = $1 OR sku IS NULL',
  'SELECT * FROM orders, products WHERE id = $1',
  'SELECT * FROM products a NATURAL JOIN products b WHERE a.sku = $1',
  'SELECT * FROM products WHERE sku IN (SELECT products.sku LIMIT 5)',
  'SELECT * FROM products WHERE sku IN (SELECT sku LIMIT 5)',
  'SELECT * FROM products WHERE sku IN (SELECT sku FROM lines)',
  'SELECT * FROM orders WHERE id = (SELECT max(order_id) FROM lines WHERE sku = orders.status)',
  'SELECT * FROM orders WHERE id = (SELECT max(order_id) FROM lines WHERE sku = status)',
  'SELECT count(*) FROM orders GROUP BY status',
  'SELECT DISTINCT status FROM orders',
  'SELECT max(id) OVER () FROM orders',
  'SELECT (SELECT count(*) FROM lines) FROM orders',
  'SELECT generate_series(1, $1)',
  'SELECT 1 ORDER BY generate_series(1, 5)',
  'SELECT unnest(array_agg(id)) FROM orders',
  'SELECT * FROM generate_series(1, $1)',
  'SELECT * FROM orders, unnest(string_to_array(status, $2)) WHERE id = $1',
  'SELECT * FROM report WHERE id = $1',
  'SELECT * FROM nowhere WHERE id = $1',
  'SELECT * FROM pg_class WHERE oid = $1',
  'SELECT * FROM orders TABLESAMPLE SYSTEM (1)',
  'SELECT * FROM orders AS o (a, b) WHERE o.id = $1',
  'SELECT id FROM orders UNION SELECT 1',
  'SELECT id FROM orders EXCEPT SELECT 1',
  'WITH o AS (SELECT * FROM orders) SELECT * FROM o',
  'WITH RECURSIVE o AS (SELECT id FROM orders WHERE id = $1 UNION ALL SELECT id FROM o) SELECT * FROM o',
  'WITH RECURSIVE a AS (SELECT * FROM products WHERE sku = $1), products AS (SELECT * FROM orders) SELECT * FROM a',
  'SELECT * FROM (SELECT * FROM orders LIMIT 2) s, LATERAL (SELECT * FROM lines WHERE order_id = s.id) t',
  'INSERT INTO orders SELECT * FROM orders RETURNING *',
]

test('what is bounded is let through', () => {
  for (const text of BOUNDED) assert.equal(judge(text).problem, undefined, text)
})

test('what is not, or not surely, is refused with a reason', () => {
  for (const text of UNBOUNDED) {
    const { problem } = judge(text)
    assert.equal(problem?.code, 'HF_UNBOUNDED_SELECT', text)
    assert.ok(problem.reason.length > 10, text)
  }
})

test('the reason names the table and its keys, without the column that row policies hold', () => {
  assert.equal(
    judge('SELECT * FROM orders WHERE status = $1').problem?.reason,
    'no unique key picks the rows of orders: it has (id) and (number)',
  )
})

test('an UPDATE or DELETE without a WHERE is refused, in a WITH list too', () => {
  for (const text of [
    'UPDATE orders SET status = $1',
    'DELETE FROM orders',
    'WITH x AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM x',
    'UPDATE orders SET status = sku FROM lines',
  ]) {
    const { problem } = judge(text)
    assert.equal(problem?.code, 'HF_UNBOUNDED_WRITE', text)
    assert.match(problem.reason, /every row of orders/)
  }
})

test('a limit by parameter is remembered: it must not be null', () => {
  assert.deepEqual(judge('SELECT * FROM orders WHERE status = $1 LIMIT $2 + 1').limits, [1])
  assert.deepEqual(judge('SELECT * FROM orders WHERE id = $1').limits, [])
})

/**
 * Against the server: three tables of 150 rows in which only unique keys tell rows apart, so that a
 * query that is bounded by less than a key gives 150 rows or more. Every query judged to be bounded
 * must give few.
 */
const ROWS = 150

const pairs = new Catalog({
  searchPath: ['public'],
  tables: [table('a', 'id x y', ['id']), table('b', 'id x y', ['x y']), table('c', 'z y', ['z'])],
  functions: traits({ count: ['aggregate'], unnest: ['set'] }),
})

const relation = fc.constantFrom('a', 'b', 'c')
const columnsOf = { a: ['id', 'x', 'y'], b: ['id', 'x', 'y'], c: ['z', 'y'] }

interface From {
  readonly text: string
  readonly columns: readonly string[]
}

const single: fc.Arbitrary<From> = fc
  .tuple(relation, fc.integer({ min: 1, max: 9 }))
  .map(([name, number]) => ({
    text: `${name} AS ${name}${number}`,
    columns: columnsOf[name as 'a'].map((column) => `${name}${number}.${column}`),
  }))

const keyList: fc.Arbitrary<From> = fc
  .integer({ min: 1, max: 9 })
  .map((number) => ({ text: `unnest($1::int[]) AS k${number} (k)`, columns: [`k${number}.k`] }))

function condition(columns: readonly string[]): fc.Arbitrary<string> {
  const column = fc.constantFrom(...columns)
  const arrays = `ANY ($1::int[])`
  const atom = fc.oneof(
    column.map((each) => `${each} = 1`),
    column.map((each) => `${each} = ${arrays}`),
    column.map((each) => `${each} IN (1, 2)`),
    column.map((each) => `${each} IN (SELECT z FROM c WHERE z = 1)`),
    column.map((each) => `${each} IN (SELECT y FROM a)`),
    fc.tuple(column, column).map(([left, right]) => `${left} = ${right}`),
    fc.tuple(column, column).map(([left, right]) => `(${left}, ${right}) = (1, 1)`),
    fc
      .tuple(column, column)
      .map(([left, right]) => `${left} = (SELECT max(id) FROM a WHERE a.x = ${right})`),
    column.map((each) => `${each} > 0`),
  )
  const all = fc.array(atom, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' AND '))
  return fc.oneof(
    { weight: 4, arbitrary: all },
    fc.tuple(all, all).map(([l, r]) => `(${l} OR ${r})`),
  )
}

const JOINS = ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'] as const

const joined: fc.Arbitrary<From> = fc
  .tuple(fc.oneof({ weight: 3, arbitrary: single }, keyList), single, fc.constantFrom(...JOINS))
  .chain(([left, right, join]) =>
    condition([...left.columns, ...right.columns]).map((on) => ({
      text: `(${left.text} ${join} ${right.text} ON ${on})`,
      columns: [...left.columns, ...right.columns],
    })),
  )

const from: fc.Arbitrary<From> = fc.oneof(
  single,
  joined,
  fc.tuple(single, joined).map(([one, two]) => ({
    text: `${one.text}, ${two.text}`,
    columns: [...one.columns, ...two.columns],
  })),
  fc.tuple(joined, single, fc.constantFrom(...JOINS)).chain(([left, right, join]) =>
    condition([...left.columns, ...right.columns]).map((on) => ({
      text: `${left.text} ${join} ${right.text} ON ${on}`,
      columns: [...left.columns, ...right.columns],
    })),
  ),
)

const query = from.chain(({ text, columns }) =>
  condition(columns).map((where) => `SELECT 1 FROM ${text} WHERE ${where}`),
)

test('no random join that is judged to be bounded gives many rows', async () => {
  await client.query(`
    CREATE TABLE a AS SELECT n AS id, 1 AS x, 1 AS y FROM generate_series(1, ${ROWS}) n;
    CREATE TABLE b AS SELECT 1 AS id, n AS x, 1 AS y FROM generate_series(1, ${ROWS}) n;
    CREATE TABLE c AS SELECT n AS z, 1 AS y FROM generate_series(1, ${ROWS}) n;
    CREATE UNIQUE INDEX ON a (id); CREATE UNIQUE INDEX ON b (x, y); CREATE UNIQUE INDEX ON c (z)`)
  let bounded = 0
  let unbounded = 0
  await fc.assert(
    fc.asyncProperty(query, async (text) => {
      const tree = parse(text)
      assert.ok(tree !== undefined)
      if (judgeRows(tree, pairs).problem !== undefined) {
        unbounded++
        return
      }
      const params = text.includes('$1') ? [[1, 2]] : []
      // FULL JOIN takes few kinds of conditions, and an alias may come twice: the server says so.
      const result = await client.query(`${text} LIMIT 5000`, params).catch(() => undefined)
      if (result === undefined) return
      bounded++
      assert.ok((result.rowCount ?? 0) < ROWS, `${result.rowCount} rows: ${text}`)
    }),
    { numRuns: 1_500 },
  )
  assert.ok(bounded > 100 && unbounded > 100, `${bounded} bounded, ${unbounded} not`)
})
