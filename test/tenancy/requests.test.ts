/**
 * Two tenants and every operation with an HTTP binding, taken from the registry: whatever `acme`
 * asks for, nothing of `globex` is told and nothing of it changes. An operation that comes new is
 * covered at once; what its schema alone does not tell belongs into two-tenants.ts.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { roleNames } from '../../example/shop/shared/roles.ts'
import type { Answer } from '../../example/shop/test-shop.ts'
import { fieldsOf } from '../../src/operation/json-schema.ts'
import type { RegisteredOperation } from '../../src/operation/registered.ts'
import { runForeignEvent, runForeignJob } from './foreign-work.ts'
import { type Asked, TwoTenants } from './two-tenants.ts'

let tenants: TwoTenants
let marks: readonly string[]
let foreignState: Readonly<Record<string, string>>
before(async () => {
  tenants = await TwoTenants.start()
  marks = await tenants.foreignMarks()
  foreignState = await tenants.foreignState()
})
after(() => tenants.stop())

/** As each role of `acme`. */
function askAll(operation: RegisteredOperation, asked: () => Asked): Promise<readonly Answer[]> {
  return Promise.all(
    roleNames.map((role) => tenants.ask(tenants.own.callers[role], operation, asked())),
  )
}

function isGood({ status }: Answer): boolean {
  return status >= 200 && status < 300
}

/** What was sent is not told by an echo. */
function assertTellsNothing(
  operation: RegisteredOperation,
  { body, headers }: Answer,
  sent: Asked,
) {
  const told = JSON.stringify([body, [...headers]])
  const asked = JSON.stringify(sent)
  const leaked = marks.filter((mark) => told.includes(mark) && !asked.includes(mark))
  assert.deepEqual(leaked, [], `${operation.name} told: ${told}`)
}

/** One after the other: what one request changes, the next one must bear. */
async function forEachOperation(
  work: (operation: RegisteredOperation) => Promise<void>,
  only: (operation: RegisteredOperation) => boolean = () => true,
): Promise<void> {
  const operations = tenants.operations.filter(only)
  assert.ok(operations.length > 0)
  for (const operation of operations) await work(operation)
  assert.deepEqual(await tenants.foreignState(), foreignState)
}

const isCommand = ({ kind }: RegisteredOperation) => kind !== 'query'
const isPaged = ({ inputSchema }: RegisteredOperation) => fieldsOf(inputSchema).has('cursor')

test('there is something of globex in every table to be seen and to be touched', async () => {
  for (const [table, state] of Object.entries(foreignState)) {
    const empty = /jobs$|parked_events$|staged_/.test(table)
    assert.ok(empty || !state.startsWith('0 '), `${table} has no row of globex`)
  }
  assert.ok(marks.length > 500)
})

test('with ids of its own each operation does what it is for, for some role', async () => {
  await forEachOperation(async (operation) => {
    const answers = await askAll(operation, () => ({
      input: tenants.inputOf(operation, tenants.own),
    }))
    const told = answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`)
    const hint = `${operation.name} cannot be asked: tell SPECIAL in two-tenants.ts what it takes`
    assert.ok(answers.some(isGood), `${hint}\n${told.join('\n')}`)
  })
})

describe('what belongs to another tenant', () => {
  test('cannot be named: every id and value of it is unknown', async () => {
    await forEachOperation(async (operation) => {
      const sent = { input: tenants.inputOf(operation, tenants.foreign) }
      const named = Object.values(sent.input).some((value) => isOfForeign(value))
      for (const answer of await askAll(operation, () => sent)) {
        assertTellsNothing(operation, answer, sent)
        if (named) assert.ok(!isGood(answer), `${operation.name}: ${JSON.stringify(sent)}`)
        if (named) assert.ok([403, 404, 409, 422].includes(answer.status), operation.name)
      }
    })
  })

  test('is not found by any filter or optional field', async () => {
    let tried = 0
    await forEachOperation(async (operation) => {
      const required = Object.keys(tenants.inputOf(operation, tenants.own))
      for (const [name, schema] of fieldsOf(operation.inputSchema)) {
        if (required.includes(name)) continue
        const value = tenants.valueOf(operation, tenants.foreign, name, schema)
        if (value === undefined) continue
        tried++
        const sent = () => ({
          input: { ...tenants.inputOf(operation, tenants.own), [name]: value },
        })
        for (const answer of await askAll(operation, sent)) {
          assertTellsNothing(operation, answer, sent())
        }
      }
    })
    assert.ok(tried > 5, `${tried} fields`)
  })

  test('is not reached by a tenant in body, query or header', async () => {
    const fields = ['tenant', 'tenant_id', 'tenantId', 'principal', 'customer_id', 'scope']
    const headers = {
      'x-tenant': 'globex',
      'x-tenant-id': 'globex',
      'x-forwarded-host': 'globex.example.org',
      'x-holdfast-tenant': 'globex',
    }
    await forEachOperation(async (operation) => {
      for (const name of fields) {
        if (fieldsOf(operation.inputSchema).has(name)) continue
        const sent = { input: { ...tenants.inputOf(operation, tenants.own), [name]: 'globex' } }
        for (const answer of await askAll(operation, () => sent)) {
          assert.ok([403, 422].includes(answer.status), `${operation.name} took ${name}`)
          assertTellsNothing(operation, answer, sent)
        }
      }
      const sent = () => ({ input: tenants.inputOf(operation, tenants.own), headers })
      for (const answer of await askAll(operation, sent)) {
        assertTellsNothing(operation, answer, sent())
      }
    })
  })

  test('is not replayed: a key of another tenant is another key', async () => {
    const keys = new Map<string, Asked>()
    for (const operation of tenants.operations.filter(isCommand)) {
      const input = tenants.inputOf(operation, tenants.foreign)
      const asked = { input, idempotencyKey: randomUUID() }
      keys.set(operation.name, asked)
      for (const role of roleNames) {
        await tenants.ask(tenants.foreign.callers[role], operation, asked)
      }
    }
    // The loops have work from it, which must not be taken for a change by acme.
    await tenants.shop.deliverEvents()
    await tenants.shop.finishJobs()
    foreignState = await tenants.foreignState()
    marks = await tenants.foreignMarks()
    await forEachOperation(async (operation) => {
      const asked = keys.get(operation.name) as Asked
      for (const answer of await askAll(operation, () => asked)) {
        assert.equal(answer.headers.get('idempotency-replayed'), null, operation.name)
        assertTellsNothing(operation, answer, asked)
      }
    }, isCommand)
  })

  test('is not paged to: a cursor is good for the tenant and the query that it was made for', async () => {
    await forEachOperation(async (operation) => {
      const page = (side: TwoTenants['own'], cursor?: string) => {
        const input = { ...tenants.inputOf(operation, side), limit: 1 }
        const asked = { input: { ...input, ...(cursor !== undefined && { cursor }) } }
        return tenants.ask(side.callers.merchant, operation, asked)
      }
      const own = await cursorOf(page(tenants.own), operation)
      const foreign = await cursorOf(page(tenants.foreign), operation)
      const [body, seal] = own.split('.') as [string, string]
      const [foreignBody, foreignSeal] = foreign.split('.') as [string, string]
      const keys: unknown = JSON.parse(Buffer.from(body, 'base64url').toString())
      const others = JSON.stringify((keys as string[]).map((key) => key.replace(/\d/, '9')))
      const forged = {
        foreign,
        // Rows that are numbered have the same keys in both tenants: that is one's own cursor.
        ...(foreignBody !== body && { 'foreign keys, own seal': `${foreignBody}.${seal}` }),
        'own keys, foreign seal': `${body}.${foreignSeal}`,
        'no seal': body,
        'an empty seal': `${body}.`,
        'other keys': `${Buffer.from(others).toString('base64url')}.${seal}`,
        'one letter off': `${own.slice(0, -1)}${own.endsWith('A') ? 'B' : 'A'}`,
      }
      for (const [name, cursor] of Object.entries(forged)) {
        const answer = await page(tenants.own, cursor)
        assert.equal(answer.status, 422, `${operation.name}: ${name}`)
        assertTellsNothing(operation, answer, { input: { cursor } })
      }
      assert.equal((await page(tenants.own, own)).status, 200)
    }, isPaged)
  })
})

function isOfForeign(value: unknown): boolean {
  const text = JSON.stringify(value)
  return marks.some((mark) => text.includes(mark))
}

async function cursorOf(answer: Promise<Answer>, { name }: RegisteredOperation): Promise<string> {
  const { status, body } = await answer
  assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`)
  assert.equal(typeof body.next_cursor, 'string', `${name} has no second page`)
  return body.next_cursor as string
}

test('a customer sees and touches orders of its own alone', async () => {
  const { customer, merchant } = tenants.own.callers
  const stranger = await tenants.shop.caller('acme', 'customer')
  const { body } = await merchant.ask<{ data: { id: string; customer_id: string }[] }>(
    'GET /v1/orders?limit=100',
  )
  const others = new Set(
    body.data.filter((order) => order.customer_id !== stranger.principal).map(({ id }) => id),
  )
  assert.ok(others.size > 20)
  const orderOf = (answer: Answer) => JSON.stringify(answer.body).match(/ord_[0-9a-f]{32}/g) ?? []
  for (const operation of tenants.operations) {
    for (const id of [...others].slice(0, 5)) {
      const input = tenants.inputOf(operation, tenants.own)
      if (typeof input.id === 'string' && input.id.startsWith('ord_')) {
        const answer = await tenants.ask(stranger, operation, { input: { ...input, id } })
        assert.ok([403, 404].includes(answer.status), operation.name)
      }
    }
    if (operation.kind !== 'query') continue
    const fields = [...fieldsOf(operation.inputSchema).keys()]
    for (const filter of ['customer_id', 'status'].filter((name) => fields.includes(name))) {
      const value = filter === 'status' ? 'placed' : customer.principal
      const input = { ...tenants.inputOf(operation, tenants.own), [filter]: value }
      const told = orderOf(await tenants.ask(stranger, operation, { input }))
      assert.deepEqual(
        told.filter((id) => others.has(id)),
        [],
        operation.name,
      )
    }
  }
  const { body: own } = await stranger.ask<{ data: unknown[] }>('GET /v1/orders')
  assert.deepEqual(own.data, [])
})

describe('work behind the door', () => {
  test('that names what belongs to another tenant finds nothing of it', async () => {
    const { jobs, subscriptions } = tenants.registry
    const state = await tenants.foreignState()
    for (const job of jobs.values()) await runForeignJob(tenants, job)
    for (const subscription of subscriptions.values()) await runForeignEvent(tenants, subscription)
    assert.deepEqual(await tenants.foreignState(), state)
  })
})
