/**
 * The version that the caller has seen is asked for in the last batch, together with COMMIT: where it
 * has moved, everything that the command did by then is undone.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ask, outcome, type Reply } from '../ask.ts'
import { NO_TRACES, type TallyBench, tallyBench } from '../tally/tally-bench.ts'

const AT_ONCE = 12

let bench: TallyBench
let apiKey: string
let names = 0

before(async () => {
  bench = await tallyBench()
  apiKey = await bench.newKey()
})
after(() => bench.stop())

/** A tally of version 1 with a total of 0, that nobody has asked about yet. */
async function newTally(): Promise<string> {
  const name = `fence-${names++}`
  const text = 'INSERT INTO tallies (name, total) VALUES ($1, 0)'
  await bench.database.inTenant('acme', { text, values: [name] })
  return name
}

interface ReplaceOptions {
  readonly total: number
  readonly ifMatch?: string
  readonly key?: string
  readonly declared?: boolean
}

function replace(name: string, options: ReplaceOptions): Promise<Reply> {
  const { total, ifMatch, key = `${name}-${total}`, declared } = options
  return ask(bench.api, `PUT /v1/tallies/${name}`, {
    apiKey,
    idempotencyKey: key,
    body: { total, ...(declared !== undefined && { declared }) },
    headers: { 'x-request-id': `${name}.${total}`, ...(ifMatch && { 'if-match': ifMatch }) },
  })
}

const replaced = { entries: 1, events: 1, jobs: 1, audit: 1, refusals: 0 }

test('the version that was seen is replaced', async () => {
  const name = await newTally()
  assert.equal(outcome(await replace(name, { total: 7, ifMatch: '"1"' })), '200')
  assert.deepEqual(await bench.traces(name), { ...replaced, total: 7 })
})

test('a version that has moved undoes everything; the refusal is kept', async () => {
  const name = await newTally()
  const refused = await replace(name, { total: 7, ifMatch: '"2"' })
  assert.equal(outcome(refused), '412 tally-changed')
  const again = await replace(name, { total: 7, ifMatch: '"2"' })
  assert.equal(again.text, refused.text)
  assert.equal(again.headers.get('idempotency-replayed'), 'true')
  assert.deepEqual(await bench.traces(name), { ...NO_TRACES, refusals: 1 })
})

test('so does a row count that was missed without a problem of its own', async () => {
  const name = await newTally()
  const options = { total: 7, ifMatch: '"2"', declared: false }
  assert.equal(outcome(await replace(name, options)), '412 precondition-failed')
  assert.deepEqual(await bench.traces(name), NO_TRACES)
})

test('of many who have seen one version, one replaces it', async () => {
  const name = await newTally()
  const totals = Array.from({ length: AT_ONCE }, (_, n) => 100 + n)
  const replies = await Promise.all(totals.map((total) => replace(name, { total, ifMatch: '"1"' })))
  const won = totals.filter((_, index) => replies[index]?.status === 200)
  assert.equal(won.length, 1)
  assert.deepEqual(new Set(replies.map(outcome)), new Set(['200', '412 tally-changed']))
  const left = { ...replaced, total: won[0], refusals: AT_ONCE - 1 }
  assert.deepEqual(await bench.traces(name), left)
})

test('without a version nothing is begun', async () => {
  const name = await newTally()
  assert.equal(outcome(await replace(name, { total: 7 })), '428 precondition-required')
  assert.deepEqual(await bench.traces(name), NO_TRACES)
})
