/** Outcomes of a command: problems, replies, expected versions and rows. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { sql } from '../database/sql.ts'
import {
  app,
  insertEntry,
  scripted,
  tables,
  Write,
  type WriteContext,
  WriteLittle,
  WriteVersioned,
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

describe('problems', () => {
  const asked = (script: (context: WriteContext) => unknown) => operations.ask(Write, write(script))

  test('a violated constraint is the problem that names it', async () => {
    await asked(({ tx }) => tx.query(insertEntry(1)).then(() => ({})))
    const { status, code } = await asked(({ tx }) => tx.query(insertEntry(1)).then(() => ({})))
    assert.deepEqual([status, code], [409, 'id-taken'])
    assert.deepEqual(await operations.traces(), { ...nothing, entries: 1, keys: 2, audit: 2 })
    assert.deepEqual(operations.lines, [])
  })

  test('so it is where the statement was deferred, or the constraint', async () => {
    await asked(({ tx }) => {
      tx.defer(insertEntry(1, '', 7))
      return {}
    })
    const deferred = await asked(({ tx }) => {
      tx.defer(insertEntry(1))
      return {}
    })
    assert.deepEqual([deferred.status, deferred.code], [409, 'id-taken'])
    const atCommit = await asked(async ({ tx }) => {
      await tx.query(insertEntry(2, '', 7))
      return {}
    })
    assert.deepEqual([atCommit.status, atCommit.code], [409, 'slot-taken'])
    assert.deepEqual(await operations.traces(), { ...nothing, entries: 1, keys: 3, audit: 3 })
  })

  test('an error that the handler swallows cannot be committed', async () => {
    const { status, code } = await asked(async ({ tx }) => {
      await tx.query(insertEntry(1))
      await tx.query(insertEntry(1)).catch(() => {})
      return {}
    })
    assert.deepEqual([status, code], [409, 'id-taken'])
    assert.equal((await operations.traces())?.entries, 0)
  })

  test('a problem of the handler stands before the error that it has caught', async () => {
    const { status, code } = await asked(async ({ tx, fail }) => {
      await tx.query(insertEntry(1))
      await tx.query(insertEntry(1)).catch(() => {
        throw fail.nowhere()
      })
    })
    assert.deepEqual([status, code], [404, 'nowhere'])
  })

  test('carries what its schema lets out, and no more', async () => {
    const secret = { missing: 3, secret: 'x' }
    const { body } = await asked(({ fail }) => Promise.reject(fail.shortOf(secret)))
    assert.deepEqual([body.missing, body.secret], [3, undefined])
    const wrong = { missing: 'three' } as never
    const { status } = await asked(({ fail }) => Promise.reject(fail.shortOf(wrong)))
    assert.equal(status, 500)
    assert.ok(isFault(operations.lines[0]?.error, 'HF_REPLY_INVALID'))
  })

  test('the audit tells which one it was', async () => {
    await asked(({ fail }) => {
      throw fail.nowhere()
    })
    const rows = await operations.rows('SELECT operation, outcome FROM holdfast.audit_entries')
    assert.deepEqual(rows, [{ operation: 'ledger.write', outcome: 'nowhere' }])
  })

  test('a transient or forbidding one is not kept: the same key runs again', async () => {
    for (const name of ['notNow', 'secret'] as const) {
      const key = randomUUID()
      let runs = 0
      const input = write(async ({ tx, fail }) => {
        await tx.query(insertEntry(++runs))
        if (runs < 3) throw fail[name]()
        return { value: runs }
      })
      const statuses: number[] = []
      for (let turn = 0; turn < 3; turn++) {
        statuses.push((await operations.ask(Write, input, { key })).status)
        if (turn < 2) assert.deepEqual(await operations.traces(), nothing)
      }
      assert.equal(runs, 3)
      assert.equal(statuses[2], 200)
      await operations.clear()
    }
  })

  test('an undeclared violation is a bug: 500, logged once, nothing told', async () => {
    const key = randomUUID()
    let note = 'bad'
    const input = write(async ({ tx }) => {
      await tx.query(insertEntry(1, note))
      return {}
    })
    const { status, code, text } = await operations.ask(Write, input, { key })
    assert.deepEqual([status, code], [500, 'internal'])
    assert.doesNotMatch(text, /entries|check|bad/i)
    assert.equal(operations.lines.filter(({ level }) => level === 'error').length, 1)
    assert.deepEqual(await operations.traces(), nothing)
    note = 'good'
    assert.equal((await operations.ask(Write, input, { key })).status, 200)
  })

  test('so is any other error of a handler', async () => {
    const { status, text } = await asked(async ({ tx }) => {
      await tx.query(insertEntry(1))
      tx.emit(Written, { value: 1 })
      throw new TypeError('password hunter2')
    })
    assert.equal(status, 500)
    assert.doesNotMatch(text, /hunter2/)
    assert.equal(operations.lines.length, 1)
    assert.match(String(operations.lines[0]?.error), /hunter2/)
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('a value that cannot be sent is a bug of whoever gave it, and nothing is sent', async () => {
    const values = [
      {
        toJSON() {
          throw 'no error'
        },
      },
      { toJSON: () => 10n },
    ]
    for (const value of values) {
      const { status } = await asked(async ({ tx }) => {
        await tx.query(sql`INSERT INTO entries (id, note) VALUES (1, ${value})`)
        return {}
      })
      assert.equal(status, 500)
    }
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('what is no error at all can be thrown too', async () => {
    for (const thrown of [undefined, null, 'text', 0]) {
      const { status } = await asked(async ({ tx }) => {
        await tx.query(insertEntry(1))
        throw thrown
      })
      assert.equal(status, 500)
    }
    assert.deepEqual(await operations.traces(), nothing)
  })
})

describe('replies', () => {
  test('are cut to the schema', async () => {
    const { body } = await operations.ask(
      Write,
      write(() => ({ value: 1, hidden: 'secret' })),
    )
    assert.deepEqual(body, { value: 1 })
  })

  test('that do not fit are a bug, and nothing is committed', async () => {
    const { status } = await operations.ask(
      Write,
      write(async ({ tx }) => {
        await tx.query(insertEntry(1))
        return { value: 'one' }
      }),
    )
    assert.equal(status, 500)
    assert.ok(isFault(operations.lines[0]?.error, 'HF_REPLY_INVALID'))
    assert.deepEqual(await operations.traces(), nothing)
  })

  test('that are too large, by bytes, are not sent, and nothing is committed', async () => {
    for (const note of ['x'.repeat(300), 'é'.repeat(200), '\u{1f600}'.repeat(70)]) {
      const { status } = await operations.ask(
        WriteLittle,
        write(async ({ tx }) => {
          await tx.query(insertEntry(1))
          return { note }
        }),
      )
      assert.equal(status, 500)
      assert.ok(isFault(operations.lines.pop()?.error, 'HF_REPLY_TOO_LARGE'))
    }
    assert.deepEqual(await operations.traces(), nothing)
    const fits = write(() => ({ note: 'x'.repeat(200) }))
    assert.equal((await operations.ask(WriteLittle, fits)).status, 200)
  })

  test('carry an ETag that is one, or nothing is committed', async () => {
    const versioned = (note: string) =>
      operations.ask(
        WriteVersioned,
        write(async ({ tx }) => {
          await tx.query(insertEntry(1))
          return { note }
        }),
        { ifMatch: '*' },
      )
    for (const note of ['a"b', 'a\r\nset-cookie: x', 'ä']) {
      assert.equal((await versioned(note)).status, 500, note)
    }
    assert.deepEqual(await operations.traces(), nothing)
    assert.equal((await versioned('v1')).headers.etag, '"v1"')
  })
})

describe('expected versions and rows', () => {
  const asked = (script: (context: WriteContext) => unknown, ifMatch?: string) =>
    operations.ask(WriteVersioned, write(script), ifMatch === undefined ? {} : { ifMatch })

  test('a version must be sent where it is required, and nothing runs without it', async () => {
    const { status, code, trips } = await asked(() => ({}))
    assert.deepEqual([status, code, trips], [428, 'precondition-required', 0])
  })

  test('a deferred write that misses its rows rolls all back, and is the problem given', async () => {
    const seen: unknown[] = []
    const update = sql`UPDATE entries SET note = 'new' WHERE id = 1 AND note = 'old'`
    const stale = await asked(async ({ tx, fail, ifMatch }) => {
      seen.push(ifMatch)
      await tx.query(insertEntry(2))
      tx.defer(update, { rows: 1, otherwise: fail.stale() })
      return {}
    }, 'v7')
    assert.deepEqual([stale.status, stale.code, stale.trips], [412, 'stale', 3])
    assert.deepEqual(seen, ['v7'])
    assert.deepEqual(await operations.traces(), { ...nothing, keys: 1, audit: 1 })
  })

  test('without a problem of its own it is 412', async () => {
    const { status, code } = await asked(({ tx }) => {
      tx.defer(insertEntry(1), { rows: 2 })
      return {}
    }, '*')
    assert.deepEqual([status, code], [412, 'precondition-failed'])
    assert.equal((await operations.traces())?.entries, 0)
  })

  test('the missed one of several is told', async () => {
    const { code } = await asked(({ tx, fail }) => {
      tx.defer(insertEntry(1), { rows: 1, otherwise: fail.nowhere() })
      tx.defer(sql`DELETE FROM entries WHERE id = 5`, { rows: 1, otherwise: fail.stale() })
      return {}
    }, '*')
    assert.equal(code, 'stale')
  })
})
