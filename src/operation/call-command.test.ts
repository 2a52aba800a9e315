import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { sql } from '../database/sql.ts'
import {
  app,
  insertEntry,
  passed,
  scripted,
  Take,
  type TakeContext,
  tables,
  Write,
  WriteAround,
  type WriteContext,
  WriteLoosely,
  WriteVersioned,
} from '../testing/scripted-app.ts'
import { type AskAs, TestOperations } from '../testing/test-operations.ts'

let operations: TestOperations
before(async () => {
  operations = await TestOperations.start({ app, tables })
})
beforeEach(() => operations.clear())
afterEach(() => operations.assertNothingHeld())
after(() => operations.stop())

const inner = (script: (context: TakeContext) => unknown) => scripted<TakeContext>(script)

function asked(script: (context: WriteContext) => unknown, as?: AskAs) {
  return operations.ask(Write, scripted<WriteContext>(script), as)
}

const piece = (left: number) => sql`INSERT INTO pieces (sku, left_over) VALUES ('a', ${left})`
const take = (count: number) =>
  sql`UPDATE pieces SET left_over = left_over - ${count} WHERE sku = 'a'`

const taken = inner(async ({ tx }) => {
  await tx.query(piece(1))
  return { value: 1, hidden: 'secret' }
})

test('runs in the same transaction, with an audit entry of its own under that of the caller', async () => {
  const { status, body, trips } = await asked(async ({ tx }) => {
    await tx.query(insertEntry(1))
    return { note: JSON.stringify(await tx.call(Take, taken)) }
  })
  assert.deepEqual([status, body.note, trips], [200, '{"value":1}', 3])
  const rows = await operations.rows(`
    SELECT entry.operation, entry.outcome, parent.operation AS parent, entry.actor, entry.tenant
    FROM holdfast.audit_entries entry
    LEFT JOIN holdfast.audit_entries parent ON parent.id = entry.parent ORDER BY entry.operation`)
  const who = { actor: 'key_a', tenant: 'acme', outcome: 'ok' }
  assert.deepEqual(rows, [
    { operation: 'ledger.write', parent: null, ...who },
    { operation: 'stock.take', parent: 'ledger.write', ...who },
  ])
  const [keys] = await operations.rows('SELECT count(*) FROM holdfast.idempotency_keys')
  assert.equal(keys?.count, 1)
})

test('asks the rule of the called command, before its input is looked at', async () => {
  const permissions = ['ledger:write']
  const { status, body } = await asked(({ tx }) => tx.call(Take, { script: 5 } as never), {
    permissions,
  })
  assert.equal(status, 403)
  assert.match(String(body.detail), /stock:take/)
  assert.equal((await operations.traces())?.keys, 0)
})

test('refuses an input that does not fit as the called command would, unknown fields too', async () => {
  for (const input of [{ script: 5 }, { script: 'x', unknown: 1 }]) {
    const { status, code } = await asked(({ tx }) => tx.call(Take, input as never))
    assert.deepEqual([status, code], [422, 'validation'])
  }
})

test('writes the tables of the module that is called, and the caller does not', async () => {
  assert.equal((await asked(({ tx }) => tx.call(Take, taken))).status, 200)
  const own = await asked(({ tx }) => tx.query(piece(2)).then(() => ({})))
  assert.equal(own.status, 500)
  assert.ok(isFault(operations.lines.pop()?.error, 'HF_FOREIGN_TABLE'))
  const foreign = inner(({ tx }) => {
    tx.defer(insertEntry(1))
    return {}
  })
  assert.equal((await asked(({ tx }) => tx.call(Take, foreign))).status, 500)
  assert.ok(isFault(operations.lines.pop()?.error, 'HF_FOREIGN_TABLE'))
})

test('a problem of the called command is one of the caller: stored, told, all undone', async () => {
  const { status, code, body } = await asked(async ({ tx }) => {
    await tx.query(insertEntry(1))
    return tx.call(
      Take,
      inner(({ fail }) => {
        throw fail.notLeft({ sku: 'a' })
      }),
    )
  })
  assert.deepEqual([status, code, body.sku], [409, 'not-left', 'a'])
  const [audit] = await operations.rows('SELECT operation, outcome FROM holdfast.audit_entries')
  assert.deepEqual(audit, { operation: 'ledger.write', outcome: 'not-left' })
  assert.deepEqual(await operations.traces(), { entries: 0, keys: 1, audit: 1, events: 0, jobs: 0 })
})

test('a constraint that the called command declares is its problem, awaited or deferred', async () => {
  const scripts = [
    inner(async ({ tx }) => {
      await tx.query(piece(1))
      await tx.query(take(2))
      return {}
    }),
    inner(({ tx }) => {
      tx.defer(piece(1))
      tx.defer(take(2))
      return {}
    }),
  ]
  for (const script of scripts) {
    const { status, code } = await asked(({ tx }) => tx.call(Take, script).then(() => ({})))
    assert.deepEqual([status, code], [409, 'sold-out'])
  }
  assert.equal(operations.lines.length, 0)
})

test('the caller may catch its problem as one, whatever it came from', async () => {
  const codes: unknown[] = []
  await asked(async ({ tx, fail }) => {
    const script = inner(({ tx }) => tx.query(piece(-1)))
    await tx.call(Take, script).catch((error) => codes.push(error.code))
    throw fail.nowhere()
  })
  assert.deepEqual(codes, ['sold-out'])
})

test('what a refused call has done cannot be committed by a caller that goes on', async () => {
  const script = inner(async ({ tx, fail }) => {
    await tx.query(piece(1))
    throw fail.notLeft({ sku: 'a' })
  })
  const { status, code } = await asked(async ({ tx }) => {
    await tx.call(Take, script).catch(() => {})
    tx.defer(insertEntry(1))
    return {}
  })
  assert.deepEqual([status, code], [409, 'not-left'])
  assert.equal(await operations.count('pieces'), 0)
  assert.equal(await operations.count('entries'), 0)
})

test('a refusal before it ran has done nothing, and may be caught', async () => {
  const { status } = await asked(
    async ({ tx }) => {
      await tx.call(Take, taken).catch(() => {})
      tx.defer(insertEntry(1))
      return {}
    },
    { permissions: ['ledger:write'] },
  )
  assert.equal(status, 200)
  assert.equal(await operations.count('entries'), 1)
})

test('half of a call that nobody awaits is not committed', async () => {
  const { status } = await asked(({ tx }) => {
    const script = inner(async ({ tx }) => {
      await tx.query(piece(1))
      for (let turn = 0; turn < 20; turn++) await null
      await tx.query(take(1))
      return {}
    })
    tx.call(Take, script).catch(() => {})
    return {}
  })
  assert.equal(status, 500)
  assert.ok(isFault(operations.lines.pop()?.error, 'HF_SCOPE_CLOSED'))
  assert.equal(await operations.count('pieces'), 0)
})

test('calls of one tick are one batch', async () => {
  const read = inner(async ({ tx }) => {
    const { count } = await tx.one(sql<{ count: number }>`SELECT count(*) FROM pieces`)
    return { value: count }
  })
  const { status, trips } = await asked(async ({ tx }) => {
    await Promise.all([tx.call(Take, read), tx.call(Take, read), tx.call(Take, read)])
    return {}
  })
  assert.deepEqual([status, trips], [200, 2])
})

test('goes through the arounds of the called command, and calls outside stay refused', async () => {
  passed.length = 0
  const outside = scripted<WriteContext>(() => fetch('http://127.0.0.1:9/'))
  const { status } = await asked(({ tx }) => tx.call(WriteAround, outside))
  assert.equal(status, 500)
  assert.ok(isFault(operations.lines.pop()?.error, 'HF_OUTBOUND_IN_TRANSACTION'))
  assert.deepEqual(passed, ['outer in', 'inner in', 'inner out', 'outer out'])
})

test('keeps the isolation that it asks for: a weaker transaction cannot call it', async () => {
  const strict = scripted<WriteContext>(({ tx }) => tx.call(Take, taken))
  assert.equal((await operations.ask(WriteLoosely, strict)).status, 500)
  const error = operations.lines.pop()?.error
  assert.ok(isFault(error, 'HF_ISOLATION_WEAKER'))
  assert.match(error.message, /ledger\.write-loosely runs read committed and calls stock\.take/)
  assert.equal(await operations.count('pieces'), 0)
  const loose = scripted<WriteContext>(() => ({ value: 1 }))
  const { body } = await asked(({ tx }) => tx.call(WriteLoosely, loose))
  assert.deepEqual(body, { value: 1 })
})

test('calls without an end are found', async () => {
  const forever = scripted<WriteContext>(({ tx, input: { script } }) => tx.call(Write, { script }))
  assert.equal((await operations.ask(Write, forever)).status, 500)
  assert.match(String(operations.lines.pop()?.error), /calls deep/)
})

test('hands on the version that was seen, and says where the caller has left it out', async () => {
  const seen: unknown[] = []
  const versioned = scripted<WriteContext>(({ ifMatch }) => {
    seen.push(ifMatch)
    return {}
  })
  const { status } = await asked(({ tx }) => tx.call(WriteVersioned, versioned, { ifMatch: 'v7' }))
  assert.deepEqual([status, seen], [200, ['v7']])
  assert.equal((await asked(({ tx }) => tx.call(WriteVersioned, versioned))).status, 500)
  const error = operations.lines.pop()?.error
  assert.ok(isFault(error, 'HF_APP_INVALID'))
  assert.match(error.message, /ledger\.write-versioned.*ifMatch/)
})
