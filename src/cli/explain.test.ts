import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { main } from './main.ts'

const from = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const APP = `
import { z } from '${from('../../node_modules/zod/index.js')}'
import { holdfast } from '${from('../operation/builder.ts')}'
import { defineCommand, defineQuery } from '${from('../operation/contract.ts')}'
import { conflict } from '${from('../operation/problem.ts')}'
import { may } from '${from('../operation/rule.ts')}'
const shop = holdfast<{ db: object }>()
const Place = defineCommand({
  name: 'ordering.place', http: 'POST /v1/orders', summary: 'Place an order',
  input: z.object({ sku: z.string() }), output: z.object({}),
  problems: { soldOut: conflict('Sold out', { constraint: 'stock_check' }) },
})
const Find = defineQuery({ name: 'ordering.find', input: z.object({}), output: z.object({}) })
const ordering = {
  module: shop.defineModule({ name: 'ordering' }),
  place: shop.handle(Place, { allow: may('orders:write'), run: () => ({}) }),
  find: shop.handle(Find, { allow: may('orders:read'), run: () => ({}) }),
}
export const app = shop.defineApp({ modules: [ordering] })`

const CONFIG = `export const config = { migrations: [], app: './app.ts' }`

async function explain(context: TestContext, line: string, files: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-explain-'))
  context.after(() => rm(folder, { recursive: true }))
  const written = { 'holdfast.config.ts': CONFIG, 'app.ts': APP, ...files }
  for (const [name, text] of Object.entries(written)) await writeFile(join(folder, name), text)
  const out: string[] = []
  const err: string[] = []
  // No database is named, and none may be needed.
  const terminal = {
    env: { HOLDFAST_ENV: 'production' },
    cwd: folder,
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
  }
  const code = await main(['explain', ...line.split(' ').filter(Boolean)], terminal)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('without a name all operations are listed, by name', async (context) => {
  const { code, out } = await explain(context, '')
  assert.equal(code, 0)
  assert.deepEqual(out.split('\n'), [
    'ordering.find   query    -',
    'ordering.place  command  POST /v1/orders  Place an order',
  ])
  const listed = JSON.parse((await explain(context, '--json')).out)
  assert.deepEqual(listed[1], {
    name: 'ordering.place',
    kind: 'command',
    http: 'POST /v1/orders',
    summary: 'Place an order',
  })
})

test('an operation is shown with its steps, round trips, problems and SQL', async (context) => {
  const { code, out, err } = await explain(context, 'ordering.place')
  assert.deepEqual([code, err], [0, ''])
  assert.match(
    out,
    /^ordering\.place {2}command {2}POST \/v1\/orders\nPlace an order\n\n 1\. admit /,
  )
  assert.match(out, /\n 4\. authorize {9}may orders:write\n/)
  assert.match(out, /\n11\. store the reply {3}200, cut to the output schema/)
  assert.match(out, /k statements, awaited one after the other {2}k \+ 1\n/)
  assert.match(out, /\n {2}409 {2}sold-out .*Sold out; kept under the key; from stock_check\n/)
  assert.match(out, /\n {2}BEGIN ISOLATION LEVEL SERIALIZABLE\n {2}SELECT set_config/)
  assert.match(out, / {2}-- the first statements of the handler\n/)
  for (const line of out.split('\n')) assert.equal(line, line.trimEnd())
})

test('as JSON it says the same', async (context) => {
  const { out } = await explain(context, 'ordering.place --json')
  const { name, steps, batches, problems } = JSON.parse(out)
  assert.deepEqual([name, steps.length, problems[0].code], ['ordering.place', 12, 'sold-out'])
  assert.equal(batches[0].statements[0].sql, 'BEGIN ISOLATION LEVEL SERIALIZABLE')
})

test('misuse exits with 2 and says what was meant', async (context) => {
  const cases: [line: string, message: RegExp, files?: Record<string, string>][] = [
    ['ordering.palce', /There is no operation "ordering\.palce"; did you mean "ordering\.place"\?/],
    ['ordering.place now', /"now" is too much/],
    ['', /names no file/, { 'holdfast.config.ts': 'export const config = { migrations: [] }' }],
    ['', /has no named export: export const app/, { 'app.ts': 'export const apps = 1' }],
    ['', /app\.ts cannot be read/, { 'app.ts': 'export const app = {' }],
  ]
  for (const [line, message, files] of cases) {
    const { code, out, err } = await explain(context, line, files)
    assert.deepEqual([code, out], [2, ''], line)
    assert.match(err, message)
  }
})

test('an app that is put together wrongly is told so', async (context) => {
  const broken = APP.replace("allow: may('orders:write'), ", '')
  const { code, err } = await explain(context, '', { 'app.ts': broken })
  assert.equal(code, 1)
  assert.match(err, /HF_APP_INVALID: 1 finding in the app:\n {2}- command "ordering\.place" has no/)
})
