import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import {
  Act,
  type ActContext,
  ActNaturally,
  app,
  entryCount,
  insertEntry,
  Read,
  type ReadContext,
  scripted,
  Take,
  tables,
  Write,
  type WriteContext,
} from '../testing/scripted-app.ts'
import { type AskAs, TestOperations } from '../testing/test-operations.ts'
import { testGate } from '../testing/test-signal.ts'
import { ProblemError } from './problem.ts'

let operations: TestOperations
let server: Server
let outside: string
before(async () => {
  operations = await TestOperations.start({ app, tables })
  server = createServer((_request, response) => response.end('paid'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  outside = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
beforeEach(() => operations.clear())
afterEach(() => operations.assertNothingHeld())
after(async () => {
  server.close()
  await operations.stop()
})

const act = (script: (context: ActContext) => unknown) => scripted<ActContext>(script)
const asked = (script: (context: ActContext) => unknown, as?: AskAs) =>
  operations.ask(Act, act(script), as)

/** A command that adds a row of its own each time it runs. */
let nextId = 0
const add = scripted<WriteContext>(async ({ tx }) => {
  await tx.query(insertEntry(++nextId))
  return { value: nextId }
})

test('calls outside, then commands and queries, each a unit of its own', async () => {
  const { status, body } = await asked(async ({ call }) => {
    const paid = await (await fetch(outside)).text()
    await call(Write, add)
    const counted = scripted<ReadContext>(async ({ tx }) => ({
      value: (await tx.one(entryCount)).count,
    }))
    const { value } = await call(Read, counted)
    return { note: paid, ...(value !== undefined && { value }) }
  })
  assert.deepEqual([status, body], [200, { note: 'paid', value: 1 }])
  assert.deepEqual(await operations.traces(), { entries: 1, keys: 1, audit: 1, events: 0, jobs: 0 })
})

test('a command that it calls may not call outside', async () => {
  const { status } = await asked(({ call }) =>
    call(
      Write,
      scripted<WriteContext>(() => fetch(outside)),
    ),
  )
  assert.equal(status, 500)
  assert.ok(isFault(operations.lines[0]?.error, 'HF_OUTBOUND_IN_TRANSACTION'))
})

test('needs a key; the same one again finds the calls done, one by one', async () => {
  assert.equal((await asked(() => ({}), { key: undefined })).code, 'idempotency-key-missing')
  const key = randomUUID()
  let turns = 0
  const values: unknown[] = []
  const input = act(async ({ call }) => {
    values.push((await call(Write, add)).value)
    values.push((await call(Write, add)).value)
    if (++turns === 1) throw new Error('crashed in between')
    values.push((await call(Write, add, { key: 'third' })).value)
    return {}
  })
  assert.equal((await operations.ask(Act, input, { key })).status, 500)
  assert.equal((await operations.ask(Act, input, { key })).status, 200)
  assert.equal((await operations.ask(Act, input, { key })).status, 200)
  const [one, two, , , three] = values
  assert.deepEqual(values, [one, two, one, two, three, one, two, three])
  assert.equal(await operations.count('entries'), 3)
})

test('without a key, each request calls anew, whatever request id the caller has sent', async () => {
  const input = act(async ({ call }) => {
    await call(Write, add)
    return {}
  })
  for (let turn = 0; turn < 2; turn++) {
    const as = { key: undefined, requestId: 'the-same' }
    assert.equal((await operations.ask(ActNaturally, input, as)).status, 200)
  }
  assert.equal(await operations.count('entries'), 2)
})

test('a problem of a call is one that it may catch, or tell with all that it carries', async () => {
  const refuse = scripted<WriteContext>(({ fail }) => Promise.reject(fail.shortOf({ missing: 3 })))
  const { status, code, body } = await asked(({ call }) => call(Write, refuse))
  assert.deepEqual([status, code, body.missing], [409, 'short-of', 3])
  const caught = await asked(async ({ call }) => {
    const error = await call(Write, refuse).catch((error) => error)
    assert.ok(error instanceof ProblemError)
    return { note: error.code, value: error.members.missing as number }
  })
  assert.deepEqual(caught.body, { note: 'short-of', value: 3 })
  const own = await asked(({ fail }) => Promise.reject(fail.nowhere('Look elsewhere.')))
  assert.deepEqual([own.status, own.code, own.body.detail], [404, 'nowhere', 'Look elsewhere.'])
})

test('the rule of what is called is asked', async () => {
  const { status } = await asked(({ call }) => call(Take, add), { permissions: ['ledger:write'] })
  assert.equal(status, 403)
})

test('a credential that the database refuses in a call is 401 and is forgotten', async () => {
  const credential = { kind: 'api-key', id: randomUUID() } as const
  const { status } = await asked(({ call }) => call(Write, add), { credential })
  assert.equal(status, 401)
  assert.ok(operations.refused.length > 0)
})

test('is left behind at its deadline, or when its caller leaves, and can call nothing more', async () => {
  for (const end of ['deadline', 'caller'] as const) {
    const leaving = operations.leaving()
    const [begun, go, done] = [testGate(), testGate(), testGate()]
    let late: unknown
    const answer = asked(
      async ({ call, signal }) => {
        begun.open()
        await go.passed
        assert.equal(signal.aborted, true)
        late = await call(Write, add).catch((error) => error)
        done.open()
      },
      { timeoutMs: end === 'deadline' ? 50 : 20_000, callerGone: leaving.callerGone },
    )
    await begun.passed
    if (end === 'caller') leaving.leave()
    assert.equal((await answer).status, end === 'deadline' ? 504 : 503)
    go.open()
    await done.passed
    assert.ok(isFault(late, 'HF_SCOPE_CLOSED'), String(late))
  }
  assert.equal(await operations.count('entries'), 0)
})

test('what it leaves behind can call nothing once it has answered', async () => {
  const [go, done] = [testGate(), testGate()]
  let late: unknown
  const { status } = await asked(({ call }) => {
    void go.passed.then(async () => {
      late = await call(Write, add).catch((error) => error)
      done.open()
    })
    return {}
  })
  assert.equal(status, 200)
  go.open()
  await done.passed
  assert.ok(isFault(late, 'HF_SCOPE_CLOSED'))
  assert.equal(await operations.count('entries'), 0)
})

test('without time nothing is begun, and nobody listens once it has ended', async () => {
  let runs = 0
  assert.equal((await asked(() => ++runs, { timeoutMs: 0 })).status, 504)
  assert.equal(runs, 0)
  const signals: AbortSignal[] = []
  await asked(async ({ signal, call }) => {
    signals.push(signal)
    await call(Write, add)
    return {}
  })
  assert.deepEqual(getEventListeners(signals[0] as AbortSignal, 'abort'), [])
})

test('what is no operation, or another action, cannot be called', async () => {
  const { status } = await asked(({ call }) => call(Act as never, add as never))
  assert.equal(status, 500)
  assert.ok(isFault(operations.lines[0]?.error, 'HF_APP_INVALID'))
})

test('a reply that does not fit is a bug; what was called stays done', async () => {
  const { status } = await asked(async ({ call }) => {
    await call(Write, add)
    return { value: 'one' }
  })
  assert.equal(status, 500)
  assert.equal(await operations.count('entries'), 1)
})
