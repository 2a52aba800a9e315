import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { sql } from '../database/sql.ts'
import {
  app,
  entryCount,
  insertEntry,
  passed,
  scripted,
  Tidy,
  tables,
  Write,
  WriteAround,
  type WriteContext,
  WriteNaturally,
  Written,
} from '../testing/scripted-app.ts'
import { TestOperations } from '../testing/test-operations.ts'

let operations: TestOperations
before(async () => {
  operations = await TestOperations.start({ app, tables })
})
beforeEach(() => operations.clear())
afterEach(() => operations.assertNothingHeld())
after(() => operations.stop())

const write = (script: (context: WriteContext) => unknown, value?: number) =>
  scripted<WriteContext>(script, value)

const nothing = { entries: 0, keys: 0, audit: 0, events: 0, jobs: 0 }

describe('round trips', () => {
  test('k awaited statements cost k + 1, with every guarantee on', async () => {
    for (const k of [1, 2, 3]) {
      const { status, trips } = await operations.ask(
        Write,
        write(async ({ tx }) => {
          for (let id = 1; id <= k; id++) await tx.query(insertEntry(k * 10 + id))
          tx.emit(Written, { value: k })
          tx.enqueue(Tidy, { script: 'none' })
          return {}
        }),
      )
      assert.deepEqual([status, trips], [200, k + 1])
    }
    assert.deepEqual(await operations.traces(), {
      entries: 6,
      keys: 3,
      audit: 3,
      events: 3,
      jobs: 3,
    })
  })

  test('no statement costs one, and deferred ones none', async () => {
    const none = await operations.ask(
      Write,
      write(() => ({})),
    )
    const deferred = await operations.ask(
      Write,
      write(({ tx }) => {
        for (let id = 1; id <= 5; id++) tx.defer(insertEntry(id))
        return {}
      }),
    )
    assert.deepEqual([none.status, none.trips], [200, 1])
    assert.deepEqual([deferred.status, deferred.trips], [200, 1])
    assert.deepEqual(await operations.traces(), { ...nothing, entries: 5, keys: 2, audit: 2 })
  })

  test('a replay costs two at most', async () => {
    const inputs = [
      write(async ({ tx }) => {
        await tx.query(insertEntry(1))
        return { value: 1 }
      }),
      write(() => ({ value: 2 })),
      write(({ fail }) => {
        throw fail.nowhere()
      }),
    ]
    for (const input of inputs) {
      const key = randomUUID()
      const first = await operations.ask(Write, input, { key })
      const second = await operations.ask(Write, input, { key })
      assert.equal(second.text, first.text)
      assert.deepEqual([second.status, second.replayed], [first.status, true])
      assert.ok(second.trips <= 2, `${second.trips} trips`)
    }
  })

  test('a declared problem adds none', async () => {
    const { status, code, trips } = await operations.ask(
      Write,
      write(async ({ tx, fail }) => {
        await tx.query(insertEntry(1))
        tx.emit(Written, { value: 1 })
        throw fail.shortOf({ missing: 3 })
      }),
    )
    assert.deepEqual([status, code, trips], [409, 'short-of', 2])
    assert.deepEqual(await operations.traces(), { ...nothing, keys: 1, audit: 1 })
  })

  test('a command that is idempotent by nature costs k + 1 too', async () => {
    const input = write(async ({ tx }) => {
      await tx.query(insertEntry(1))
      return {}
    })
    const { status, trips } = await operations.ask(WriteNaturally, input, { key: undefined })
    assert.deepEqual([status, trips], [200, 2])
    assert.deepEqual(await operations.traces(), { ...nothing, entries: 1, audit: 1 })
  })
})

describe('the scope of a handler', () => {
  test('ends with it: whatever comes later is refused, with both stacks', async () => {
    let late: WriteContext['tx'] | undefined
    await operations.ask(
      Write,
      write(({ tx }) => {
        late = tx
        return {}
      }),
    )
    const tx = late as WriteContext['tx']
    const uses: Record<string, () => unknown> = {
      query: () => tx.query(insertEntry(1)),
      one: () => tx.one(entryCount),
      maybeOne: () => tx.maybeOne(entryCount),
      builder: () => tx.db.selectFrom('entries').select('id').limit(1).execute(),
      defer: () => tx.defer(insertEntry(1)),
      emit: () => tx.emit(Written, { value: 1 }),
      enqueue: () => tx.enqueue(Tidy, { script: 'none' }),
      call: () => tx.call(WriteNaturally, { script: 'none' }),
    }
    for (const [name, use] of Object.entries(uses)) {
      const late = async () => use()
      await assert.rejects(late, (error) => {
        assert.ok(isFault(error, 'HF_SCOPE_CLOSED'), name)
        assert.match(String(error.stack), /execute-command\.test/, name)
        assert.match(String((error.cause as Error).stack), /ended here[\s\S]*commit/, name)
        return true
      })
    }
    assert.deepEqual(await operations.traces(), { ...nothing, keys: 1, audit: 1 })
  })

  test('of an attempt ends with the attempt; buffers and input are fresh in the next', async () => {
    const seen: WriteContext['tx'][] = []
    const { status } = await operations.ask(
      Write,
      write(async ({ tx }) => {
        seen.push(tx)
        tx.emit(Written, { value: seen.length })
        tx.defer(insertEntry(seen.length))
        if (seen.length === 1) await tx.query(sql`DO $$ BEGIN RAISE serialization_failure; END $$`)
        return {}
      }),
    )
    assert.equal(status, 200)
    assert.equal(seen.length, 2)
    assert.throws(
      () => seen[0]?.emit(Written, { value: 3 }),
      (error) => isFault(error, 'HF_SCOPE_CLOSED'),
    )
    assert.deepEqual(await operations.rows('SELECT id FROM entries'), [{ id: 2 }])
    assert.equal((await operations.traces())?.events, 1)
  })

  test('of an attempt cannot change what the next one is given, not even a date', async () => {
    const years: (number | undefined)[] = []
    const script = write(async ({ tx, input }) => {
      assert.ok(Object.isFrozen(input))
      years.push(input.at?.getUTCFullYear())
      input.at?.setUTCFullYear(1999)
      if (years.length === 1) await tx.query(sql`DO $$ BEGIN RAISE serialization_failure; END $$`)
      return {}
    })
    const { status } = await operations.ask(Write, { ...script, at: '2026-01-01T00:00:00Z' })
    assert.deepEqual([status, years], [200, [2026, 2026]])
  })

  test('a collision that the handler has caught runs it again all the same', async () => {
    let runs = 0
    const { status } = await operations.ask(
      Write,
      write(async ({ tx, fail }) => {
        if (++runs > 1) return {}
        const collide = tx.query(sql`DO $$ BEGIN RAISE serialization_failure; END $$`)
        return collide.catch(() => Promise.reject(fail.nowhere()))
      }),
    )
    assert.deepEqual([status, runs], [200, 2])
  })

  test('calls outside are refused inside, before the first statement too, and nothing is left', async () => {
    for (const early of [true, false]) {
      const { status } = await operations.ask(
        Write,
        write(async ({ tx }) => {
          if (!early) await tx.query(insertEntry(1))
          await fetch('http://127.0.0.1:9/')
          return {}
        }),
      )
      assert.equal(status, 500)
      assert.ok(isFault(operations.lines.pop()?.error, 'HF_OUTBOUND_IN_TRANSACTION'))
    }
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('arounds go around it, from the outermost in, once for each run', async () => {
    passed.length = 0
    await operations.ask(
      WriteAround,
      write(() => {
        passed.push('run')
        return {}
      }),
    )
    assert.deepEqual(passed, ['outer in', 'inner in', 'run', 'inner out', 'outer out'])
  })

  test('transactions are not its business', async () => {
    for (const text of [
      sql`COMMIT`,
      sql`rollback`,
      sql`BEGIN`,
      sql`/* x */ SAVEPOINT a`,
      sql`START TRANSACTION`,
      sql`END`,
      sql`ABORT`,
      sql`RELEASE a`,
      sql`PREPARE TRANSACTION 'a'`,
      sql`SET statement_timeout = 0`,
      sql`RESET role`,
    ]) {
      const { status } = await operations.ask(
        Write,
        write(async ({ tx }) => {
          await tx.query(insertEntry(1))
          await tx.query(text)
          return {}
        }),
      )
      assert.equal(status, 500, text.text)
      assert.deepEqual(await operations.traces(), nothing, text.text)
      const deferred = await operations.ask(
        Write,
        write(({ tx }) => {
          tx.defer(insertEntry(1))
          tx.defer(text)
          return {}
        }),
      )
      assert.equal(deferred.status, 500, text.text)
      assert.deepEqual(await operations.traces(), nothing, text.text)
    }
  })
})
