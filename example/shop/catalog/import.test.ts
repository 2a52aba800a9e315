/** A file of products on its way into the catalog: what is good arrives, what is not is told. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { z } from 'zod'
import { until } from '../../../test/until.ts'
import { type Answer, allPages, type Caller, type TestShop, testShop } from '../test-shop.ts'
import type { ImportFinding, ProductImport } from './import-contract.ts'

type ImportBody = z.output<typeof ProductImport>
type FindingBody = z.output<typeof ImportFinding>

let shop: TestShop
let merchant: Caller
before(async () => {
  shop = await testShop()
  merchant = await shop.caller('acme', 'merchant')
})
after(() => shop[Symbol.asyncDispose]())

const HEADER = 'sku,name,price_minor,currency\n'

function send(
  body: string | Uint8Array | ReadableStream,
  headers: Readonly<Record<string, string>> = {},
  idempotencyKey: string = randomUUID(),
): Promise<Answer<ImportBody>> {
  const stream = { type: headers['content-type'] ?? 'text/csv', body }
  return merchant.ask('POST /v1/products/import', { stream, headers, idempotencyKey })
}

async function ended({ headers }: Answer<ImportBody>): Promise<ImportBody> {
  let found: ImportBody | undefined
  await until('the import has ended', async () => {
    found = (await merchant.ask<ImportBody>(`GET ${headers.get('location')}`)).body
    return found.status !== 'running'
  })
  return found as ImportBody
}

interface Done extends ImportBody {
  readonly report: readonly FindingBody[]
}

async function imported(body: string | Uint8Array): Promise<Done> {
  const sent = await send(body)
  assert.equal(sent.status, 202, JSON.stringify(sent.body))
  const done = await ended(sent)
  const report = await allPages<FindingBody>(
    merchant,
    `/v1/product-imports/${done.id}/report?limit=1000`,
  )
  assert.equal(report.length, done.findings)
  return { ...done, report }
}

let made = 0
/** Fresh SKUs: tests share a catalog. */
const fresh = () => `IMP-${++made}`

async function productOf(sku: string) {
  const [found] = await shop.rows<{
    name: string
    price_minor: number
    stock: number
    version: number
    active: boolean
  }>(
    'acme',
    `SELECT name, price_minor::integer, stock, version, active FROM products WHERE sku = $1`,
    [sku],
    'holdfast_app',
  )
  return found
}

describe('an import', () => {
  test('makes what is new and changes what is there, and tells where to look', async () => {
    const [first, second] = [fresh(), fresh()]
    const file = `sku,name,price_minor,currency,stock,active\n${first},Lamp,450,EUR,7,true\n${second},Rug,900,EUR,,\n`
    const sent = await send(file)
    assert.equal(sent.status, 202)
    assert.match(sent.headers.get('location') ?? '', /^\/v1\/product-imports\/imp_[0-9a-f]{32}$/)
    const done = await ended(sent)
    assert.deepEqual(
      [done.status, done.rows_created, done.rows_updated, done.rows_rejected, done.position],
      ['done', 2, 0, 0, Buffer.byteLength(file)],
    )
    const lamp = { name: 'Lamp', price_minor: 450, stock: 7, version: 1, active: true }
    assert.deepEqual(await productOf(first), lamp)

    const again = await imported(file.replace('Lamp', 'Bright lamp').replace(',7,', ',99,'))
    assert.deepEqual([again.rows_created, again.rows_updated], [0, 2])
    // Sales may have moved the stock since; and a row that changes nothing is no edit.
    assert.deepEqual(await productOf(first), { ...lamp, name: 'Bright lamp', version: 2 })
    assert.equal((await productOf(second))?.version, 1)
  })

  test('is one import, however often it is sent under its key', async () => {
    const key = randomUUID()
    const file = `${HEADER}${fresh()},Lamp,450,EUR\n`
    const sent = await send(file, {}, key)
    const again = await send(file, {}, key)
    assert.deepEqual([again.status, again.body], [202, sent.body])
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    assert.equal(again.headers.get('location'), sent.headers.get('location'))
    const other = await send(`${file}${fresh()},Rug,1,EUR\n`, {}, key)
    assert.equal(other.status, 422)
    await ended(sent)
    const kept = await shop.rows(
      'acme',
      'SELECT FROM holdfast.staged_contents WHERE expires_at > now()',
      [],
      'holdfast_loops',
    )
    assert.equal(kept.length, 0, 'nothing that was staged is kept')
  })

  test('that cannot go on ends as failed, and keeps what it had written', async () => {
    await shop.rows(
      'acme',
      `CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE 'a secret of the server'; END $$`,
    )
    await shop.rows(
      'acme',
      `CREATE TRIGGER refuse_poison BEFORE INSERT ON products
         FOR EACH ROW WHEN (NEW.sku LIKE 'POISON%') EXECUTE FUNCTION refuse_poison()`,
    )
    const first = fresh()
    const rows = Array.from({ length: 6_000 }, (_, index) => `P${first}-${index},Lamp,450,EUR\n`)
    const sent = await send(`${HEADER}${rows.join('')}POISON-1,Lamp,450,EUR\n`)
    const last = `UPDATE holdfast.jobs SET attempt = attempts_max - 1, run_at = clock_timestamp()
      WHERE name = 'catalog.import-batch' AND last_error IS NOT NULL RETURNING id`
    await until('it fails', async () => {
      const failed = await shop.rows('acme', last, [], 'holdfast_loops')
      return failed.length > 0
    })
    shop.running.loops.wake({ events: false, jobs: true })
    const { status, failure, rows_created, position, file_bytes, finished_at } = await ended(sent)
    assert.deepEqual([status, rows_created], ['failed', 5_000])
    assert.match(failure ?? '', /^Given up at line 5002: .* 20 attempts\. .* Send the file again/)
    assert.ok(!failure?.includes('secret'))
    assert.ok(position < file_bytes && finished_at !== null)
    assert.notEqual(await productOf(`P${first}-4999`), undefined)
    assert.equal(await productOf(`P${first}-5000`), undefined)
  })

  test('of many batches writes each row once and reports each bad one', async () => {
    const rows = Array.from({ length: 12_000 }, (_, index) =>
      index % 100 === 7 ? `BULK-${index},,x,EUR` : `BULK-${index},Item ${index},${index},EUR`,
    )
    const done = await imported(`${HEADER}${rows.join('\n')}\n`)
    assert.deepEqual(
      [done.status, done.rows_created, done.rows_rejected, done.findings],
      ['done', 11_880, 120, 240],
    )
    assert.deepEqual(
      done.report.slice(0, 3).map(({ no, line, column }) => [no, line, column]),
      [
        [1, 9, 'name'],
        [2, 9, 'price_minor'],
        [3, 109, 'name'],
      ],
    )
  })

  test('is checked against the digest that was sent along', async () => {
    const wrong = `sha-256=:${Buffer.alloc(32).toString('base64')}:`
    const { status, body } = await send(HEADER, { 'content-digest': wrong })
    assert.deepEqual([status, (body as unknown as { code: string }).code], [400, 'malformed'])
  })

  test('of another type, too large, in the query, by a customer or without a key is refused', async () => {
    const types = ['application/json', 'text/plain', 'text/csv; charset=utf-16']
    for (const type of types) {
      assert.equal((await send(HEADER, { 'content-type': type })).status, 415, type)
    }
    assert.equal((await send(HEADER, { 'content-encoding': 'gzip' })).status, 415)
    const body = { type: 'text/csv', body: HEADER }
    const query = await merchant.ask(`POST /v1/products/import?file=${randomUUID()}`, {
      stream: body,
    })
    assert.equal(query.status, 422)
    const customer = await shop.caller('acme', 'customer')
    assert.equal((await customer.ask('POST /v1/products/import', { stream: body })).status, 403)
    const keyless = await merchant.ask<{ code: string }>('POST /v1/products/import', {
      stream: body,
      headers: { 'idempotency-key': '' },
    })
    assert.equal(keyless.status, 400)
  })

  test('of another tenant is not found, and nor is its report', async () => {
    const { id } = await imported(`${HEADER}${fresh()},,1,EUR\n`)
    const stranger = await shop.caller('globex', 'merchant')
    for (const path of [`/v1/product-imports/${id}`, `/v1/product-imports/${id}/report`]) {
      assert.equal((await stranger.ask(`GET ${path}`)).status, 404)
    }
  })
})

interface Broken {
  readonly file: (sku: string) => string | Buffer
  /** Line and column of what is reported. */
  readonly told: readonly (readonly [number, string | null, RegExp])[]
  readonly status?: 'failed'
  /** Whether the good row after the broken one arrives. */
  readonly arrives?: boolean
}

const good = (sku: string) => `${sku},Good,100,EUR\n`
const row = (bad: string) => (sku: string) => `${HEADER}${bad}\n${good(sku)}`
const failed = { status: 'failed', arrives: false } as const

const broken: Readonly<Record<string, Broken>> = {
  'an empty file': { file: () => '', told: [[1, null, /empty/]], ...failed },
  'no header': { file: good, told: [[1, null, /./]], ...failed },
  'a column that nobody knows': {
    file: (sku) => `sku,name,price_minor,currency,prize\n${sku},Good,1,EUR,2\n`,
    told: [[1, 'prize', /no column/]],
    ...failed,
  },
  'a missing column': {
    file: (sku) => `sku,name,currency\n${sku},Good,EUR\n`,
    told: [[1, 'price_minor', /missing/]],
    ...failed,
  },
  'a column twice': {
    file: (sku) => `sku,name,price_minor,currency,name\n${sku},Good,1,EUR,Bad\n`,
    told: [[1, 'name', /twice/]],
    ...failed,
  },
  semicolons: {
    file: (sku) => `sku;name;price_minor;currency\n${sku};Good;1;EUR\n`,
    told: [[1, null, /commas/]],
    ...failed,
  },
  'UTF-16': {
    file: (sku) => Buffer.from(`\uFEFF${HEADER}${good(sku)}`, 'utf16le'),
    told: [[1, null, /UTF-8/]],
    ...failed,
  },
  'nothing but zeros': { file: () => Buffer.alloc(5000), told: [[1, null, /./]], ...failed },
  'a NUL in the header': {
    file: (sku) => `\0,sku,name,price_minor,currency\nx,${sku},Good,1,EUR\n`,
    told: [[1, 'column 1', /NUL/]],
    ...failed,
  },
  'a byte order mark': { file: (sku) => `\uFEFF${HEADER}${good(sku)}`, told: [] },
  'line ends of all kinds': {
    file: (sku) => `sku,name,price_minor,currency\r\n\r\n\n${good(sku)}`,
    told: [],
  },
  'Latin-1': {
    file: (sku) => Buffer.from(`${HEADER}BAD-1,Stra\u00dfe,1,EUR\n${good(sku)}`, 'latin1'),
    told: [[2, 'name', /UTF-8/]],
  },
  'a NUL': { file: row('BAD-1,N\0L,1,EUR'), told: [[2, 'name', /NUL/]] },
  'an open quote': { file: row('BAD-1,"Open,1,EUR'), told: [[2, null, /not closed/]] },
  'a quote in the middle': { file: row('BAD-1,12" rug,1,EUR'), told: [[2, null, /quote/]] },
  'text behind a quote': { file: row('BAD-1,"A" b,1,EUR'), told: [[2, null, /quote/]] },
  'too few columns': { file: row('BAD-1,Lamp,1'), told: [[2, null, /3 columns/]] },
  'too many columns': { file: row('BAD-1,Lamp,1,EUR,x'), told: [[2, null, /5 columns/]] },
  'a price with a point': { file: row('BAD-1,Lamp,1.99,EUR'), told: [[2, 'price_minor', /whole/]] },
  'a price below zero': { file: row('BAD-1,Lamp,-1,EUR'), told: [[2, 'price_minor', /./]] },
  'a price beyond all numbers': {
    file: row(`BAD-1,Lamp,${'9'.repeat(40)},EUR`),
    told: [[2, 'price_minor', /whole/]],
  },
  'no such currency': { file: row('BAD-1,Lamp,1,XXX'), told: [[2, 'currency', /ISO 4217/]] },
  'everything wrong at once': {
    file: row('bad sku,,x,eur'),
    told: [
      [2, 'sku', /./],
      [2, 'name', /./],
      [2, 'price_minor', /./],
      [2, 'currency', /./],
    ],
  },
  'the same SKU twice': {
    file: (sku) => `${HEADER}${good(sku)}${sku},Other,200,EUR\n`,
    told: [[3, 'sku', /line 2/]],
  },
  'another currency than before': {
    file: row('ACM-CUR-1,Lamp,1,USD'),
    told: [[2, 'currency', /EUR/]],
  },
  'a line without end': {
    file: (sku) => `${HEADER}${'x'.repeat(3 * 1024 * 1024)}\n${good(sku)}`,
    told: [[2, null, /longer/]],
  },
  'a file that is cut off in a row': {
    file: (sku) => `${HEADER}${good(sku)}BAD-1,Lamp,1`,
    told: [[3, null, /cut off/]],
  },
  'a file that is cut off in its last field': {
    file: (sku) => `${HEADER}${good(sku)}BAD-1,Lamp,1999,EUR`.slice(0, -1),
    told: [[3, null, /cut off/]],
  },
  'a file that is cut off in quotes': {
    file: (sku) => `${HEADER}${good(sku)}BAD-1,"La`,
    told: [[3, null, /cut off/]],
  },
}

describe('a broken file ends with a report, and never with half a row:', () => {
  before(async () => {
    const body = { sku: 'ACM-CUR-1', name: 'Lamp', price_minor: 1, currency: 'EUR' }
    assert.equal((await merchant.ask('POST /v1/products', { body })).status, 201)
  })

  for (const [name, { file, told, status = 'done', arrives = true }] of Object.entries(broken)) {
    test(name, async () => {
      const sku = fresh()
      const done = await imported(file(sku))
      assert.equal(done.status, status, JSON.stringify(done))
      assert.equal(done.failure === null, status === 'done')
      const report = done.report.map(({ line, column }) => [line, column])
      const expected = told.map(([line, column]) => [line, column])
      if (name === 'no header') assert.ok(report.length > 0)
      else assert.deepEqual(report, expected, JSON.stringify(done.report))
      for (const [index, [, , reason]] of told.entries()) {
        assert.match(done.report[index]?.reason ?? '', reason)
      }
      assert.equal((await productOf(sku)) !== undefined, arrives)
      assert.equal(await productOf('BAD-1'), undefined)
    })
  }
})
