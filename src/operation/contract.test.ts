import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { isFault } from '../base/fault.ts'
import { type HttpText, parseHttp, routeShape } from './binding.ts'
import { holdfast } from './builder.ts'
import { defineCommand, defineEvent, defineJob, defineQuery } from './contract.ts'
import { parseLimit } from './limit.ts'
import { conflict, gone } from './problem.ts'
import { anyone } from './rule.ts'

const id = z.object({ id: z.string() })
const parts = { input: id, output: id }

/** The message of the HF_OPTION_INVALID that `make` throws, without code and advice. */
function refused(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (!isFault(error, 'HF_OPTION_INVALID')) throw error
    return error.message.slice('HF_OPTION_INVALID: '.length, -error.next.length - 1)
  }
  return assert.fail('was accepted')
}

test('names follow one grammar', () => {
  for (const name of ['place', 'Ordering.place', 'ordering.placeOrder', 'a.b.c', 'a._b', '']) {
    assert.match(
      refused(() => defineCommand({ name, ...parts })),
      /in kebab-case/,
    )
  }
  assert.equal(defineCommand({ name: 'a1-b.c-2', ...parts }).name, 'a1-b.c-2')
  assert.match(
    refused(() => defineCommand({ name: `a.${'b'.repeat(99)}`, ...parts })),
    /at most 100/,
  )
})

test('a binding is parsed into method, path and parameters', () => {
  const binding = parseHttp('test', 'POST /v1/orders/{id}/lines/{line}')
  assert.deepEqual(binding, {
    method: 'POST',
    path: '/v1/orders/{id}/lines/{line}',
    params: ['id', 'line'],
    hasBody: true,
  })
  assert.equal(routeShape(binding), 'POST /v1/orders/{}/lines/{}')
  assert.equal(parseHttp('test', 'DELETE /v1/orders/{id}').hasBody, false)
})

test('a binding that is none is refused with the reason', () => {
  const parse = (text: string) => refused(() => parseHttp('x', text as HttpText))
  assert.match(parse('PSOT /v1/orders'), /did you mean "POST"/)
  assert.match(parse('/v1/orders'), /must be like "POST/)
  assert.match(parse('POST v1'), /must be like "POST/)
  assert.match(parse('POST /v1/orders/'), /segment ""/)
  assert.match(parse('POST /v1//orders'), /segment ""/)
  assert.match(parse('POST /v1/Orders'), /segment "Orders"/)
  assert.match(parse('POST /v1/{id}.json'), /segment/)
  assert.match(parse('POST /v1/{id}/{id}'), /\{id\} twice/)
  const Get = { name: 'a.b', http: 'GET /v1/x' as 'POST /v1/x', ...parts }
  assert.match(
    refused(() => defineCommand(Get)),
    /must have POST, PUT, PATCH, DELETE/,
  )
})

test('options name the field, its bound and the reason', () => {
  assert.equal(
    refused(() => defineJob({ name: 'a.b', payload: id, attemptsMax: 0 })),
    'job "a.b": attemptsMax is 0 and must be a whole number from 1 to 100 ' +
      '(20 attempts at the default backoff span one to two hours; then it is a dead letter).',
  )
  assert.match(
    refused(() => defineJob({ name: 'a.b', payload: id, timeoutMs: 1.5 })),
    /100 to/,
  )
  assert.match(
    refused(() => defineJob({ name: 'a.b', payload: id, backoff: { baseMs: 10, capMs: 5 } })),
    /must not be below baseMs/,
  )
  assert.match(
    refused(() => defineJob({ name: 'a.b', payload: id, queue: 'Q 1' })),
    /kebab-case/,
  )
  const misspelt = { name: 'a.b', ...parts, sumary: 'x' }
  assert.match(
    refused(() => defineQuery(misspelt)),
    /did you mean "summary"/,
  )
  assert.match(
    refused(() => defineCommand({ name: 'a.b', ...parts, idempotency: 'natrual' as 'natural' })),
    /must be one of "required", "natural"; did you mean "natural"/,
  )
  assert.match(
    refused(() => defineCommand({ name: 'a.b', ...parts, status: 418 as 200 })),
    /200, 201, 202/,
  )
  assert.match(
    refused(() => defineEvent({ name: 'a.b', payload: {} as typeof id })),
    /a schema/,
  )
})

test('subscriptions are held to the bounds of jobs', () => {
  const app = holdfast<{ db: object }>()
  const Event = defineEvent({ name: 'a.e', payload: id })
  const subscribe = (more: object) => () => app.subscribe(Event, { name: 'a.s', run() {}, ...more })
  assert.match(refused(subscribe({ timeoutMs: 1 })), /timeoutMs is 1 and must be .* 100 to/)
  assert.match(refused(subscribe({ attemptsMax: 0 })), /dead letter and can be replayed/)
  assert.match(refused(subscribe({ backoff: { baseMs: 0 } })), /backoff.baseMs is 0/)
  assert.match(refused(subscribe({ isolaton: 'x' })), /did you mean "isolation"/)
  assert.match(refused(subscribe({ name: 'alone' })), /module.operation-name/)
})

test('problems that would mislead are refused', () => {
  const problems = { notFound: gone('Gone') }
  assert.match(
    refused(() => defineCommand({ name: 'a.b', ...parts, problems })),
    /means 404/,
  )
  const upper = { SoldOut: conflict('Sold out') }
  assert.match(
    refused(() => defineQuery({ name: 'a.b', ...parts, problems: upper })),
    /camelCase/,
  )
  assert.match(
    refused(() => conflict('x', id, { constraint: 'c' })),
    /cannot stand beside members/,
  )
  assert.match(
    refused(() => conflict('')),
    /must be a text/,
  )
})

test('limits are read when the handler is made', () => {
  const limit = (rate: string) => parseLimit('x', { rate: rate as '1/s', per: 'address' })
  assert.deepEqual(limit('5/s'), {
    count: 5,
    windowMs: 1000,
    per: 'address',
    burst: 5,
    exact: false,
  })
  assert.equal(limit('100/10min').windowMs, 600_000)
  assert.equal(limit('100/24h').windowMs, 86_400_000)
  for (const rate of ['0/min', '60', '60/fortnight', '60/0s', '-1/s', '1.5/s', '60/25h']) {
    assert.match(
      refused(() => limit(rate)),
      /limit.rate/,
    )
  }
  const app = holdfast<{ db: object }>()
  const Get = defineQuery({ name: 'a.b', ...parts })
  const run = () => ({ id: '' })
  assert.match(
    refused(() =>
      app.handle(Get, { allow: anyone, limit: { rate: '60/mn' as '1/s', per: 'tenant' }, run }),
    ),
    /handler of query "a.b": limit.rate is "60\/mn"/,
  )
  assert.match(
    refused(() => app.handle(Get, { allow: anyone, runn: run } as never)),
    /did you mean "run"/,
  )
  assert.match(
    refused(() => app.handle(Get, { allow: anyone } as never)),
    /run must be a function/,
  )
  const Job = defineJob({ name: 'a.c', payload: id })
  assert.match(
    refused(() => app.handle(Job, {} as never)),
    /`run` or `act`/,
  )
})
