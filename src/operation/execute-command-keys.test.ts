/** Keys: what is asked for twice is done once. */
import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { sql } from '../database/sql.ts'
import {
  app,
  insertEntry,
  scripted,
  tables,
  Write,
  type WriteContext,
  WriteLoosely,
  WriteSecret,
} from '../testing/scripted-app.ts'
import { TestOperations } from '../testing/test-operations.ts'
import { testGate } from '../testing/test-signal.ts'

let operations: TestOperations
before(async () => {
  operations = await TestOperations.start({ app, tables, pool: { connectionsMax: 2 } })
})
beforeEach(() => operations.clear())
afterEach(() => operations.assertNothingHeld())
after(() => operations.stop())

const write = (script: (context: WriteContext) => unknown) => scripted<WriteContext>(script)
const one = write(async ({ tx }) => {
  await tx.query(insertEntry(1))
  return { value: 1 }
})
const nothing = { entries: 0, keys: 0, audit: 0, events: 0, jobs: 0 }
const oneOfEach = { ...nothing, entries: 1, keys: 1, audit: 1 }

describe('keys', () => {
  test('with another payload are refused, whatever the first outcome was', async () => {
    const key = randomUUID()
    await operations.ask(Write, one, { key })
    const { status, code } = await operations.ask(Write, { ...one, value: 2 }, { key })
    assert.deepEqual([status, code], [422, 'idempotency-key-reused'])
    assert.deepEqual(await operations.traces(), oneOfEach)
  })

  test('of a reply that holds a secret keep nothing of it; a refusal is kept as ever', async () => {
    for (const first of [one, write(() => ({ note: 'sk_1', value: 1 }))]) {
      const key = randomUUID()
      const ask = () => operations.ask(WriteSecret, first, { key })
      const { status, body } = await ask()
      assert.deepEqual([status, body.value], [200, 1])
      const again = await ask()
      assert.deepEqual([again.status, again.code], [409, 'reply-not-kept'])
      const [kept] = await operations.rows('SELECT status, body FROM holdfast.idempotency_keys')
      assert.deepEqual(kept, { status: 200, body: '' })
      await operations.clear()
    }
    const refused = write(({ fail }) => {
      throw fail.nowhere()
    })
    const key = randomUUID()
    for (const replayed of [false, true]) {
      const answer = await operations.ask(WriteSecret, refused, { key })
      assert.deepEqual([answer.status, answer.replayed], [404, replayed])
    }
  })

  test('of another tenant, principal or operation are other keys', async () => {
    const key = randomUUID()
    const add = (as: object, contract = Write) =>
      operations.ask(
        contract,
        write(({ tx }) => {
          tx.defer(insertEntry(randomInt(1e9)))
          return {}
        }),
        { key, ...as },
      )
    const answers = [
      await add({}),
      await add({ tenant: 'globex' }),
      await add({ id: 'key_b' }),
      await add({}, WriteLoosely),
    ]
    for (const { status, replayed } of answers) assert.deepEqual([status, replayed], [200, false])
    assert.equal((await operations.traces())?.entries, 4)
  })

  test('that are missing are asked for, with an example, before anything is sent', async () => {
    const { status, code, body, trips } = await operations.ask(Write, one, { key: undefined })
    assert.deepEqual([status, code, trips], [400, 'idempotency-key-missing', 0])
    assert.match(JSON.stringify(body.example), /Idempotency-Key: /)
  })

  test('that have expired are free again', async () => {
    const key = randomUUID()
    let runs = 0
    const input = write(({ tx }) => {
      tx.defer(insertEntry(++runs))
      return { value: runs }
    })
    await operations.ask(Write, input, { key })
    await operations.rows(`UPDATE holdfast.idempotency_keys SET expires_at = now()`)
    const { status, body } = await operations.ask(Write, input, { key })
    assert.deepEqual([status, body.value, runs], [200, 3, 3])
    assert.deepEqual(await operations.traces(), { ...nothing, entries: 2, keys: 1, audit: 2 })
  })

  test('asked for at once are one command', async () => {
    const key = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => operations.ask(Write, one, { key })),
    )
    assert.deepEqual(new Set(answers.map(({ text }) => text)).size, 1)
    assert.equal(answers.filter(({ replayed }) => !replayed).length, 1)
    assert.deepEqual(await operations.traces(), oneOfEach)
  })

  test('whose first is running for long are told to come back, and get its reply then', async () => {
    const key = randomUUID()
    const [running, go] = [testGate(), testGate()]
    const input = write(async ({ tx }) => {
      await tx.query(insertEntry(1))
      running.open()
      await go.passed
      return {}
    })
    const first = operations.ask(Write, input, { key })
    await running.passed
    const runtime = { ...operations.runtime, idempotency: { retentionMs: 60_000, waitMs: 30 } }
    const busy = await operations.ask(Write, input, { key, runtime })
    assert.deepEqual([busy.status, busy.code], [409, 'idempotency-in-progress'])
    assert.equal(busy.headers['retry-after'], '1')
    go.open()
    assert.equal((await first).status, 200)
    assert.equal((await operations.ask(Write, input, { key })).text, (await first).text)
  })

  test('of a first that is refused pass to the one that waits', async () => {
    const key = randomUUID()
    const [running, go] = [testGate(), testGate()]
    let runs = 0
    const input = write(async ({ tx, fail }) => {
      const run = ++runs
      await tx.query(insertEntry(run))
      running.open()
      if (run > 1) return {}
      await go.passed
      throw fail.notNow()
    })
    const first = operations.ask(Write, input, { key })
    await running.passed
    const second = operations.ask(Write, input, { key })
    go.open()
    assert.deepEqual([(await first).status, (await second).status], [409, 200])
    assert.deepEqual(await operations.traces(), oneOfEach)
  })

  test('are not taken for constraints of a user that are named like theirs', async () => {
    await operations.rows(`CREATE TABLE elsewhere (
      id int CONSTRAINT idempotency_keys_pkey PRIMARY KEY)`)
    await operations.rows('GRANT ALL ON elsewhere TO holdfast_app')
    const insert = sql`INSERT INTO elsewhere VALUES (1)`
    let runs = 0
    const { status } = await operations.ask(
      Write,
      write(async ({ tx }) => {
        runs++
        await tx.query(insert)
        await tx.query(insert)
        return {}
      }),
    )
    assert.deepEqual([status, runs], [500, 1])
    assert.match(String(operations.lines.pop()?.error), /idempotency_keys_pkey/)
    await operations.rows('DROP TABLE elsewhere')
  })

  test('are not what a statement of a handler waits for when it waits for a lock', async () => {
    await operations.ask(Write, one)
    const locked = await operations.lockEntries()
    const { status, code } = await operations.ask(
      Write,
      write(async ({ tx }) => {
        await tx.query(sql`SET LOCAL lock_timeout = 20`)
        await tx.query(sql`UPDATE entries SET note = 'x' WHERE id = 1`)
        return {}
      }),
    )
    await locked()
    assert.deepEqual([status, code], [503, 'unavailable'])
  })

  test('leave the handler all its time for locks', async () => {
    await operations.ask(Write, one)
    const runtime = { ...operations.runtime, idempotency: { retentionMs: 60_000, waitMs: 30 } }
    const limits: unknown[] = []
    const input = write(async ({ tx }) => {
      limits.push(await tx.one(sql`SELECT current_setting('lock_timeout') AS limit`))
      return {}
    })
    await operations.ask(Write, input, { runtime, timeoutMs: 17_000 })
    assert.match(String((limits[0] as { limit: string }).limit), /^1[67](\d{3}ms|s)$/)
  })
})
