/** A key is used once: whoever comes again, at whatever moment, is told what the first was told. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { type TestGate, testGate, testSignal } from '../../src/testing/test-signal.ts'
import { ask, json, outcome, type Reply } from '../ask.ts'
import { NO_TRACES, type TallyBench, tallyBench } from '../tally/tally-bench.ts'
import { until } from '../until.ts'

const AT_ONCE = 20

let bench: TallyBench
let apiKey: string
let names = 0

before(async () => {
  bench = await tallyBench()
  apiKey = await bench.newKey()
})
after(() => bench.stop())
afterEach(() => {
  bench.meanwhile = () => {}
})

/** Each test has a tally of its own, whose name is its idempotency key too. */
const newName = () => `key-${names++}`

interface AddOptions {
  readonly amount?: number
  readonly idempotencyKey?: string | undefined
  readonly apiKey?: string
  readonly what?: string
  readonly headers?: Readonly<Record<string, string>>
}

function add(name: string, options: AddOptions = {}): Promise<Reply> {
  const { amount = 5, idempotencyKey = name, what = 'add', headers } = options
  return ask(bench.api, `POST /v1/tallies/${name}/${what}`, {
    apiKey: options.apiKey ?? apiKey,
    idempotencyKey,
    body: { amount },
    headers: { 'x-request-id': name, ...headers },
  })
}

const together = (count: number, send: () => Promise<Reply>) =>
  Promise.all(Array.from({ length: count }, send))

const isReplay = ({ headers }: Reply) => headers.get('idempotency-replayed') === 'true'

const once = { total: 5, entries: 1, events: 1, jobs: 1, audit: 1, refusals: 0 }
const twice = { total: 10, entries: 2, events: 2, jobs: 2, audit: 2, refusals: 0 }

function assertSameBytes(replies: readonly Reply[]): void {
  assert.deepEqual([...new Set(replies.map(({ status, text }) => `${status} ${text}`))].length, 1)
}

/** Holds every run of a handler where it is; the second statement waits for the test. */
function holdHandlers(): { started: Promise<unknown>; gate: TestGate; runs: () => number } {
  const signal = testSignal<void>('a run')
  const gate = testGate()
  bench.meanwhile = async () => {
    signal.emit()
    await gate.passed
  }
  return { started: signal.next(), gate, runs: () => signal.count }
}

const keysOf = async (name: string) =>
  (await bench.database.rows('SELECT FROM holdfast.idempotency_keys WHERE key = $1', [name])).length

describe('at the same time', () => {
  test('one runs, the others are told the same', async () => {
    const name = newName()
    let runs = 0
    bench.meanwhile = () => runs++
    const replies = await together(AT_ONCE, () => add(name))
    assertSameBytes(replies)
    assert.equal(outcome(replies[0] as Reply), '200')
    assert.equal(replies.filter(isReplay).length, AT_ONCE - 1)
    assert.equal(runs, 1)
    assert.deepEqual(await bench.traces(name), once)
  })

  test('a refusal as well', async () => {
    const name = newName()
    const replies = await together(AT_ONCE, () => add(name, { amount: -5 }))
    assertSameBytes(replies)
    assert.equal(outcome(replies[0] as Reply), '409 negative')
    assert.equal(replies.filter(isReplay).length, AT_ONCE - 1)
    assert.deepEqual(await bench.traces(name), { ...NO_TRACES, refusals: 1 })
  })

  test('while the first runs on, the others are sent away after a while', async () => {
    const name = newName()
    const { started, gate, runs } = holdHandlers()
    const first = add(name)
    await started
    // These come back although the first does not: their wait is bounded.
    for (const reply of await together(5, () => add(name))) {
      assert.equal(outcome(reply), '409 idempotency-in-progress')
      assert.ok(Number(reply.headers.get('retry-after')) > 0)
    }
    gate.open()
    assert.equal(outcome(await first), '200')
    const again = await add(name)
    assertSameBytes([await first, again])
    assert.ok(isReplay(again))
    assert.equal(runs(), 1)
    assert.deepEqual(await bench.traces(name), once)
  })

  test('a duplicate that waits is told what the first did', async () => {
    const name = newName()
    const { started, gate } = holdHandlers()
    const first = add(name)
    await started
    const second = add(name)
    await until('the second waits', async () => (await bench.database.blocked()) > 0)
    gate.open()
    assertSameBytes([await first, await second])
    assert.ok(isReplay(await second))
    assert.deepEqual(await bench.traces(name), once)
  })

  test('a duplicate that waits goes ahead where the first rolls back', async () => {
    const name = newName()
    const started = testSignal<void>('a run')
    const gate = testGate()
    let runs = 0
    bench.meanwhile = async () => {
      if (runs++ > 0) return
      started.emit()
      await gate.passed
      throw new Error('The first run fails.')
    }
    const first = add(name)
    await started.next()
    const second = add(name)
    await until('the second waits', async () => (await bench.database.blocked()) > 0)
    gate.open()
    assert.equal(outcome(await first), '500 internal')
    assert.equal(outcome(await second), '200')
    assert.ok(!isReplay(await second))
    assert.deepEqual(await bench.traces(name), once)
    assert.equal(await keysOf(name), 1)
  })
})

describe('afterwards', () => {
  test('another payload is refused, and changes nothing', async () => {
    const name = newName()
    const first = await add(name)
    assert.equal(outcome(await add(name, { amount: 6 })), '422 idempotency-key-reused')
    const elsewhere = await add(newName(), { idempotencyKey: name })
    assert.equal(outcome(elsewhere), '422 idempotency-key-reused')
    assertSameBytes([first, await add(name)])
    assert.deepEqual(await bench.traces(name), once)
  })

  test('a refusal stays, whatever has changed since', async () => {
    const name = newName()
    const refused = await add(name, { amount: 999, idempotencyKey: `${name}-a` })
    assert.equal(outcome(refused), '200')
    const over = await add(name, { amount: 5 })
    assert.equal(outcome(over), '409 out-of-range')
    await bench.database.inTenant('acme', {
      text: 'UPDATE tallies SET total = 0 WHERE name = $1',
      values: [name],
    })
    assertSameBytes([over, await add(name, { amount: 5 })])
    assert.equal(outcome(await add(name, { amount: 5, idempotencyKey: `${name}-b` })), '200')
  })

  test('an expired key runs again, once', async () => {
    const name = newName()
    await add(name)
    await expire(name)
    const replies = await together(AT_ONCE, () => add(name))
    assertSameBytes(replies)
    assert.equal(replies.filter((reply) => !isReplay(reply)).length, 1)
    assert.deepEqual(await bench.traces(name), twice)
  })

  test('an expired key is free for another payload', async () => {
    const name = newName()
    await add(name)
    await expire(name)
    assert.equal(outcome(await add(name, { amount: 6 })), '200')
    assert.equal(outcome(await add(name)), '422 idempotency-key-reused')
  })

  const expire = (name: string) =>
    bench.database.asLoops(
      `UPDATE holdfast.idempotency_keys SET expires_at = now() - interval '1 s' WHERE key = $1`,
      [name],
    )
})

describe('whose key it is', () => {
  test('another principal, another tenant, another operation: each has its own', async () => {
    const name = newName()
    const colleague = await bench.newKey()
    const stranger = await bench.newKey('globex')
    const callers: readonly AddOptions[] = [
      {},
      { apiKey: colleague },
      { apiKey: stranger },
      { what: 'add-again' },
    ]
    const firsts = []
    for (const caller of callers) firsts.push(await add(name, caller))
    assert.deepEqual(firsts.map(isReplay), [false, false, false, false])
    assert.deepEqual(firsts.map(outcome), ['200', '200', '200', '200'])
    // The stranger's tally is another one, of the same name.
    assert.equal(json(firsts[2] as Reply).total, 5)
    assert.equal(json(firsts[3] as Reply).total, 15)
    for (const [index, caller] of callers.entries()) {
      const again = await add(name, caller)
      assertSameBytes([firsts[index] as Reply, again])
      assert.ok(isReplay(again))
    }
    assert.equal((await bench.traces(name)).entries, callers.length)
  })

  test('quoted and bare, it is the same key', async () => {
    const name = newName()
    const bare = await add(name)
    assertSameBytes([bare, await add(name, { idempotencyKey: `"${name}"` })])
    assert.deepEqual(await bench.traces(name), once)
  })

  test('without a key the refusal shows how to send one', async () => {
    const name = newName()
    const path = `POST /v1/tallies/${name}/add`
    const refused = await ask(bench.api, path, { apiKey, body: { amount: 5 } })
    assert.equal(outcome(refused), '400 idempotency-key-missing')
    const { header } = json<{ example: { header: string } }>(refused).example
    const [field = '', value = ''] = header.split(': ')
    const options = { apiKey, body: { amount: 5 }, headers: { [field]: value } }
    assert.equal(outcome(await ask(bench.api, path, options)), '200')
  })

  for (const [title, key] of [
    ['empty', '""'],
    ['too long', 'k'.repeat(300)],
    ['not printable', 'k\tk'],
  ] as const) {
    test(`a key that is ${title} is malformed`, async () => {
      const reply = await add(newName(), { idempotencyKey: key })
      assert.equal(outcome(reply), '400 malformed')
    })
  }
})

describe('what is no outcome leaves no claim', () => {
  test('a request that does not fit the schema', async () => {
    const name = newName()
    assert.equal(outcome(await add(name, { amount: 5_000 })), '422 validation')
    assert.equal(await keysOf(name), 0)
    assert.equal(outcome(await add(name)), '200')
  })

  test('a failure of the handler', async () => {
    const name = newName()
    bench.meanwhile = () => {
      throw new Error('The handler fails.')
    }
    assert.equal(outcome(await add(name)), '500 internal')
    assert.equal(await keysOf(name), 0)
    bench.meanwhile = () => {}
    assert.equal(outcome(await add(name)), '200')
    assert.deepEqual(await bench.traces(name), once)
  })

  test('a deadline that passes in the middle', async () => {
    const name = newName()
    const { gate } = holdHandlers()
    const late = add(name, { headers: { 'request-timeout': '0.2' } })
    // The handler itself does not know; its next statement does.
    await until('the claim is there', async () => (await openTransactions()) > 0)
    await until('the deadline has passed', async () => (await openTransactions()) === 0)
    gate.open()
    assert.equal(outcome(await late), '504 deadline-exceeded')
    assert.equal(await keysOf(name), 0)
    assert.equal(outcome(await add(name)), '200')
    assert.deepEqual(await bench.traces(name), once)
  })

  test('a session that is ended in the middle: the run is done again, the key used once', async () => {
    const name = newName()
    const { started, gate, runs } = holdHandlers()
    const first = add(name)
    await started
    await bench.database.change(END_OPEN_TRANSACTIONS)
    gate.open()
    assert.equal(outcome(await first), '200')
    assert.equal(runs(), 2)
    assertSameBytes([await first, await add(name)])
    assert.deepEqual(await bench.traces(name), once)
  })

  const END_OPEN_TRANSACTIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND state = 'idle in transaction'`

  async function openTransactions(): Promise<number> {
    const { n } = await bench.database.row<{ n: number }>(
      `SELECT count(DISTINCT pid)::int AS n FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE locktype = 'relation' AND relation = 'tallies'::regclass AND datname = current_database()`,
    )
    return n
  }
})
