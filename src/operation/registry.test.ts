import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isFault } from '../base/fault.ts'
import { holdfast } from './builder.ts'
import { defineCommand, defineEvent, defineJob, defineQuery } from './contract.ts'
import { conflict } from './problem.ts'
import { buildRegistry, type Registrable } from './registry.ts'
import { anyone } from './rule.ts'
import { signedBy } from './signed-request.ts'

const id = z.object({ id: z.string() })
const handler = { allow: anyone, run: () => ({ id: '' }) }

function builder() {
  return holdfast<{ db: object; services: { mail: string } }>()
}

function command(name: string, http?: `POST /${string}`) {
  return defineCommand({ name, ...(http && { http }), input: id, output: id })
}

function findings(app: Registrable): readonly string[] {
  try {
    buildRegistry(app)
    return []
  } catch (error) {
    if (!isFault(error, 'HF_APP_INVALID')) throw error
    const list = error.facts.findings as string[]
    for (const finding of list) assert.ok(error.message.includes(finding))
    return list
  }
}

test('a sound app gives operations, jobs, events and subscriptions by name', () => {
  const shop = builder()
  const Place = defineCommand({
    name: 'ordering.place',
    http: 'POST /v1/orders/{id}',
    input: id.extend({ note: z.string().optional() }),
    output: id,
    problems: { soldOut: conflict('Sold out', { constraint: 'stock_not_negative' }) },
  })
  const Placed = defineEvent({ name: 'ordering.placed', payload: id })
  const Remind = defineJob({ name: 'ordering.remind', payload: id })
  const module = shop.defineModule({ name: 'ordering' })
  const place = shop.handle(Place, { ...handler, limit: { rate: '60/min', per: 'tenant' } })
  const remind = shop.handle(Remind, { run() {} })
  const onPlaced = shop.subscribe(Placed, { name: 'ordering.on-placed', run() {} })
  const ordering = { Place, Placed, Remind, module, place, remind, onPlaced, helper: () => 1 }
  const registry = buildRegistry(shop.defineApp({ modules: [ordering] }))

  const operation = registry.operations.get('ordering.place')
  assert.ok(operation?.kind === 'command')
  assert.equal(operation.isolation, 'serializable')
  assert.deepEqual(operation.limit, {
    count: 60,
    windowMs: 60_000,
    per: 'tenant',
    burst: 60,
    exact: false,
  })
  assert.equal(operation.constraints.get('stock_not_negative')?.key, 'soldOut')
  assert.equal(operation.problems.get('sold-out')?.key, 'soldOut')
  assert.equal(operation.module, 'ordering')
  assert.deepEqual(operation.unknownFields({ id: 'a', nots: 'b' }), [
    { pointer: '/nots', message: 'unknown field; did you mean "note"?' },
  ])
  assert.equal(registry.jobs.get('ordering.remind')?.contract, Remind)
  assert.equal(registry.events.get('ordering.placed')?.subscriptions.length, 1)
  assert.equal(registry.subscriptions.get('ordering.on-placed')?.attemptsMax, 20)
})

test('everything that is wrong is told at once, by name', () => {
  const shop = builder()
  const Alone = command('ordering.alone')
  const Twice = command('ordering.twice')
  const Left = command('ordering.left')
  const Foreign = command('catalog.foreign')
  const NoRule = command('ordering.no-rule')
  const First = command('ordering.first', 'POST /v1/a/{id}')
  const Second = defineCommand({
    name: 'ordering.second',
    http: 'POST /v1/a/{key}',
    input: z.object({ key: z.string() }),
    output: id,
  })
  const Stray = defineEvent({ name: 'ordering.stray', payload: id })
  const Known = defineEvent({ name: 'ordering.strays', payload: id })
  shop.handle(Left, handler)
  const ordering = {
    module: shop.defineModule({ name: 'ordering' }),
    Alone,
    Known,
    a: shop.handle(Twice, handler),
    b: shop.handle(Twice, handler),
    c: shop.handle(Foreign, handler),
    d: shop.handle(NoRule, { run: handler.run } as unknown as typeof handler),
    e: shop.handle(First, handler),
    f: shop.handle(Second, handler),
    g: shop.subscribe(Stray, { name: 'ordering.on-stray', run() {} }),
  }
  assert.deepEqual(findings(shop.defineApp({ modules: [ordering, {}] })), [
    'command "ordering.twice" has two handlers',
    'the handler of command "catalog.foreign" is exported by the module "ordering" and not named for it',
    'modules[1] exports no module; export one defineModule(...) from it',
    'the handler of command "ordering.left" was made and no module exports it: add it to the index.ts of "ordering"',
    'command "ordering.alone" has no handler: export one from the module "ordering"',
    'command "ordering.no-rule" has no rule: say who may, with `allow` in its handler',
    'subscription "ordering.on-stray": no module exports its event "ordering.stray"; did you mean "ordering.strays"?',
    '"ordering.first" (/v1/a/{id}) and "ordering.second" answer the same requests: POST /v1/a/{key}',
  ])
})

test('bindings are held against the input schema', () => {
  const shop = builder()
  const contracts = {
    missing: defineQuery({
      name: 'a.missing',
      http: 'GET /v1/a/{key}',
      input: id,
      output: id,
    }),
    optional: defineQuery({
      name: 'a.optional',
      http: 'GET /v1/b/{id}',
      input: id.partial(),
      output: id,
    }),
    nested: defineQuery({
      name: 'a.nested',
      http: 'GET /v1/c',
      input: z.object({ filter: z.object({ x: z.string() }), tags: z.array(z.string()) }),
      output: id,
    }),
    date: defineQuery({ name: 'a.date', input: z.object({ at: z.date() }), output: id }),
  }
  const handlers = Object.entries(contracts).map(([key, contract]) => [
    `${key}Handler`,
    shop.handle(contract as typeof contracts.missing, handler),
  ])
  const namespace = {
    module: shop.defineModule({ name: 'a' }),
    ...contracts,
    ...Object.fromEntries(handlers),
  }
  assert.deepEqual(findings(shop.defineApp({ modules: [namespace] })), [
    'query "a.missing": {key} stands in its path and is no field of its input',
    'query "a.optional": {id} stands in its path, so the field must be required and scalar',
    'query "a.nested": the field "filter" cannot travel: GET has no body, and a query holds scalars and lists of them',
    'query "a.date": input has no JSON Schema: Date cannot be represented in JSON Schema',
  ])
})

test('whose callers sign must have a body to be signed, and a key', () => {
  const shop = builder()
  const authenticate = signedBy({ principal: 'partner', permissions: [], keys: () => [] })
  const output = id
  const contracts = {
    Inside: defineCommand({ name: 'hooks.inside', input: id, output }),
    Bare: defineCommand({ name: 'hooks.bare', http: 'DELETE /v1/hooks/{id}', input: id, output }),
    Natural: defineCommand({
      name: 'hooks.natural',
      http: 'POST /v1/hooks',
      idempotency: 'natural',
      input: id,
      output,
    }),
    Sound: defineCommand({ name: 'hooks.sound', http: 'PUT /v1/hooks', input: id, output }),
  }
  const handlers = Object.fromEntries(
    Object.entries(contracts).map(([name, contract]) => [
      `handle${name}`,
      shop.handle(contract, { ...handler, authenticate }),
    ]),
  )
  const hooks = { ...contracts, ...handlers, module: shop.defineModule({ name: 'hooks' }) }
  const noBody = 'has `authenticate` and no body to be signed: give it an HTTP binding'
  assert.deepEqual(findings(shop.defineApp({ modules: [hooks] })).toSorted(), [
    `command "hooks.bare" ${noBody}`,
    `command "hooks.inside" ${noBody}`,
    'command "hooks.natural" has `authenticate`, so its idempotency must be "required"',
  ])
})

test('two modules of one name, and one service made twice', () => {
  const shop = builder()
  const mail = { start: () => 'mail' }
  const one = { module: shop.defineModule({ name: 'one', services: { mail } }) }
  const two = { module: shop.defineModule({ name: 'two', services: { mail } }) }
  const again = { module: shop.defineModule({ name: 'one' }) }
  assert.deepEqual(findings(shop.defineApp({ modules: [one, two, again] })), [
    'two modules are named "one"',
    'the service "mail" is made by the module "one" and by the module "two"',
  ])
})
