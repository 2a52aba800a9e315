import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { createApiKey, queriesOf } from '../access/api-key/api-key.ts'
import { isFault } from '../base/fault.ts'
import { uuidv7 } from '../base/id.ts'
import { sql } from '../database/sql.ts'
import type { Statement } from '../database/statement.ts'
import type { Credential } from '../runtime/scope.ts'
import { appTransaction } from '../testing/state-database.ts'
import { TestOperations } from '../testing/test-operations.ts'
import { holdfast } from './builder.ts'
import {
  defineAction,
  defineCommand,
  defineEvent,
  defineJob,
  defineQuery,
  type OperationContract,
} from './contract.ts'
import { explain, findOperation } from './explain.ts'
import type { ExplainedBatch } from './explain-sql.ts'
import { defineList, equals } from './list-contract.ts'
import { conflict, unavailable } from './problem.ts'
import { buildRegistry } from './registry.ts'
import { anyone, may } from './rule.ts'

interface Note {
  readonly id: number
  readonly text: string
}

const shop = holdfast<{ db: { notes: Note } }>()
const Written = defineEvent({ name: 'notes.written', payload: z.object({}) })
const Remind = defineJob({ name: 'notes.remind', payload: z.object({}) })
const Write = defineCommand({
  name: 'notes.write',
  http: 'POST /v1/notes',
  summary: 'Write a note',
  status: 201,
  ifMatch: 'optional',
  input: z.object({ text: z.string(), loud: z.boolean().optional() }),
  output: z.object({ id: z.int() }),
  problems: {
    taken: conflict('Taken', { constraint: 'notes_text_key' }),
    tooMany: unavailable('Too many notes'),
  },
})
const Natural = defineCommand({
  name: 'notes.natural',
  idempotency: 'natural',
  input: z.object({}),
  output: z.object({}),
})
const Read = defineQuery({
  name: 'notes.read',
  http: 'GET /v1/notes/{id}',
  input: z.object({ id: z.string() }),
  output: z.object({ several: z.boolean() }),
})
const Import = defineAction({ name: 'notes.import', input: z.object({}), output: z.object({}) })
const ListNotes = defineList({
  name: 'notes.list',
  http: 'GET /v1/notes',
  item: z.object({ id: z.int(), text: z.string() }),
  filter: { text: equals(z.string()) },
  sort: ['text asc'],
})

const aloud = (next: () => Promise<unknown>) => next()
const one = sql`SELECT 1 AS one`
const notes = {
  module: shop.defineModule({ name: 'notes' }),
  Written,
  Remind,
  remind: shop.handle(Remind, { run() {} }),
  write: shop.handle(Write, {
    allow: may('notes:write'),
    limit: { rate: '60/min', per: 'principal', burst: 10 },
    isolation: 'read committed',
    attemptsMax: 3,
    timeoutMs: 5_000,
    around: [aloud],
    async run({ input, tx, fail }) {
      await tx.query(one)
      if (input.text === 'taken') throw fail.taken()
      tx.emit(Written, {})
      tx.enqueue(Remind, {})
      return { id: 1 }
    },
  }),
  natural: shop.handle(Natural, {
    allow: anyone,
    run: async ({ tx }) => tx.query(one).then(() => ({})),
  }),
  read: shop.handle(Read, {
    allow: anyone,
    async run({ input, tx }) {
      const several = input.id === 'several'
      await Promise.all(several ? [tx.query(one), tx.query(one)] : [tx.query(one)])
      return { several }
    },
  }),
  import: shop.handle(Import, { allow: anyone, act: () => ({}) }),
  list: shop.list(ListNotes, { allow: anyone, from: 'notes' }),
}
const app = shop.defineApp({ modules: [notes] })
const registry = buildRegistry(app)

function explained(name: string) {
  return explain(findOperation(registry, name))
}

function facts(name: string, step: string): readonly string[] {
  return explained(name).steps.find((each) => each.name === step)?.facts ?? []
}

function batch(name: string, which: string): ExplainedBatch {
  const found = explained(name).batches.find((each) => each.name === which)
  assert.ok(found, which)
  return found
}

test('every option of a command is told at its step', () => {
  const { steps, http, summary } = explained('notes.write')
  assert.deepEqual([http, summary], ['POST /v1/notes', 'Write a note'])
  assert.deepEqual(
    steps.map((step) => step.name),
    [
      ...['admit', 'authenticate', 'limit', 'authorize', 'parse', 'open and claim', 'run', 'audit'],
      ...['append events', 'enqueue, defer', 'store the reply', 'commit'],
    ],
  )
  assert.match(facts('notes.write', 'admit').join(), /REQUEST_TIMEOUT_MS .*the handler has 5 s/)
  assert.match(facts('notes.write', 'limit').join(), /^60 in 1 min for each principal, 10 at once/)
  assert.deepEqual(facts('notes.write', 'authorize'), ['may notes:write'])
  assert.deepEqual(facts('notes.write', 'parse'), [
    'Idempotency-Key: required',
    'If-Match: optional',
    'input: text, loud?; unknown fields are refused',
  ])
  assert.match(facts('notes.write', 'open and claim')[0] ?? '', /^READ COMMITTED;/)
  assert.match(facts('notes.write', 'run').join(), /inside aloud,runs up to 3 times/)
  assert.match(facts('notes.write', 'store the reply').join(), /^201, .*1048576 bytes.*24 h/)
})

test('a command without a key claims and keeps nothing', () => {
  const { steps, batches, http } = explained('notes.natural')
  assert.equal(http, undefined)
  assert.equal(steps[5]?.name, 'open')
  assert.deepEqual(
    batches.map((each) => each.name),
    ['opening', 'closing', 'refusal'],
  )
  const texts = batches.flatMap(({ statements }) => statements.map((each) => each.sql ?? ''))
  assert.ok(!texts.some((text) => text.includes('idempotency_keys')))
})

test('queries, lists and actions have the steps of their kind', () => {
  const names = (name: string) => explained(name).steps.map((step) => step.name)
  const entry = ['admit', 'authenticate', 'limit', 'authorize', 'parse']
  assert.deepEqual(names('notes.read'), [...entry, 'open', 'run', 'reply'])
  assert.deepEqual(names('notes.import'), [...entry, 'act', 'reply'])
  assert.deepEqual(explained('notes.import').batches, [])
  const { list } = explained('notes.list')
  assert.deepEqual([list?.filters, list?.sorts], [['text (equals)'], ['text']])
  assert.deepEqual(list?.indexes, ['notes (text, id)'])
  assert.match(list?.sql ?? '', /FROM "?notes"?[\s\S]*ORDER BY/)
})

test('problems stand with their step, status and constraint, each once', () => {
  const { problems } = explained('notes.write')
  const codes = problems.map(({ code }) => code)
  assert.equal(new Set(codes).size, codes.length)
  const taken = problems.find(({ code }) => code === 'taken')
  assert.deepEqual(
    [taken?.status, taken?.stored, taken?.constraints],
    [409, true, ['notes_text_key']],
  )
  assert.equal(problems.find(({ code }) => code === 'too-many')?.stored, false)
  for (const code of ['rate-limited', 'idempotency-key-missing', 'idempotency-key-reused']) {
    assert.ok(codes.includes(code), code)
    assert.ok(!explained('notes.read').problems.some((each) => each.code === code), code)
  }
})

test('an unknown name is told with the one that was meant', () => {
  assert.throws(
    () => findOperation(registry, 'notes.wriet'),
    (error) => isFault(error, 'HF_USAGE') && /did you mean "notes.write"/.test(error.message),
  )
})

describe('the SQL is what is sent, in this order', () => {
  let operations: TestOperations
  let credential: Credential
  let sent: string[] = []
  const step = ({ statement, done }: { statement: Statement; done: boolean }) => {
    if (!done) sent.push(statement.text)
  }

  before(async () => {
    operations = await TestOperations.start({ app, tables: {}, pool: { step } })
    const { key } = await appTransaction(operations.pool, 'acme', (tx) =>
      createApiKey(queriesOf(tx), { name: 'test', environment: 'dev', permissions: ['*'] }),
    )
    credential = { kind: 'api-key', id: key.id.slice('key_'.length) }
  })
  after(() => operations.stop())

  async function sentBy(contract: OperationContract, input: unknown, key = uuidv7()) {
    sent = []
    const { status } = await operations.ask(contract, input, { key, credential })
    return { status, sent }
  }

  /** `run`: what the handler sends, in place of what is known at run time. */
  function told(
    name: string,
    which: string,
    run: readonly string[] = [],
    leave = /(?!)/,
  ): string[] {
    return batch(name, which).statements.flatMap(({ sql: text, when = '' }) => {
      if (text === undefined) return /^the .*statements/.test(when) ? run : []
      return leave.test(when) ? [] : [text]
    })
  }

  const opening = () => told('notes.write', 'opening', [one.text])

  test('for a command', async () => {
    const { status, sent: texts } = await sentBy(Write, { text: 'a' })
    assert.equal(status, 201)
    assert.deepEqual(texts, [...opening(), ...told('notes.write', 'closing')])
  })

  test('for a refusal and its replay', async () => {
    const key = uuidv7()
    const first = await sentBy(Write, { text: 'taken' }, key)
    assert.equal(first.status, 409)
    assert.deepEqual(first.sent, [...opening(), ...told('notes.write', 'refusal')])
    const second = await sentBy(Write, { text: 'taken' }, key)
    assert.equal(second.status, 409)
    const claimed = opening().slice(0, -1)
    assert.deepEqual(second.sent, [...claimed, 'ROLLBACK', ...told('notes.write', 'replay')])
  })

  test('for a query of one statement, and of several', async () => {
    const single = await sentBy(Read, { id: 'single' })
    assert.deepEqual(single.sent, told('notes.read', 'reading', [one.text], /several/))
    const several = await sentBy(Read, { id: 'several' })
    assert.deepEqual(several.sent, told('notes.read', 'reading', [one.text, one.text]))
  })
})
