import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  builtinProblem,
  conflict,
  failOf,
  forbidden,
  invalid,
  notFound,
  problemReply,
  rateLimitedProblem,
  unavailable,
  validationProblem,
} from './problem.ts'
import { problemCatalogue } from './problem-catalogue.ts'

const scope = { requestId: 'req_1' }

test('a declared problem carries its code, members and detail', () => {
  const fail = failOf({
    insufficientStock: conflict('Insufficient stock', z.object({ sku: z.string() })),
    closed: conflict('Closed', { transient: true }),
  })
  const reply = problemReply(fail.insufficientStock({ sku: 'a' }, 'Only two are left.'), scope)
  assert.equal(reply.status, 409)
  assert.equal(reply.contentType, 'application/problem+json')
  assert.deepEqual(JSON.parse(reply.body), {
    sku: 'a',
    type: 'https://holdfast.dev/problems/insufficient-stock',
    title: 'Insufficient stock',
    status: 409,
    detail: 'Only two are left.',
    instance: 'req_1',
    code: 'insufficient-stock',
  })
  assert.equal(fail.insufficientStock({ sku: 'a' }).stored, true)
  assert.equal(fail.closed().stored, false)
  assert.equal(fail.closed().declared, 'closed')
  assert.equal(JSON.parse(problemReply(fail.closed(), scope).body).detail, undefined)
})

test('members cannot pose as the standard ones: where it shows at once, and where it does not', () => {
  assert.throws(() => conflict('Odd', z.object({ status: z.number() })), /member "status"/)
  const fail = failOf({ odd: conflict('Odd', z.looseObject({})) })
  const body = JSON.parse(problemReply(fail.odd({ status: 200, code: 'fine' }), scope).body)
  assert.equal(body.status, 409)
  assert.equal(body.code, 'odd')
})

test('what must be tried again is never stored under a key', () => {
  assert.deepEqual(
    [invalid('a'), forbidden('a'), unavailable('a'), notFound('a')].map((each) => each.stored),
    [false, false, false, true],
  )
})

test('built-in problems say what to do and carry the headers they must', () => {
  const unauthenticated = problemReply(builtinProblem('unauthenticated'), scope)
  assert.equal(unauthenticated.headers['www-authenticate'], 'Bearer')
  assert.equal(rateLimitedProblem(1200).headers['retry-after'], '2')
  assert.equal(rateLimitedProblem(0).headers['retry-after'], '1')
  const violations = [{ pointer: '/a', message: 'expected a number' }]
  const body = JSON.parse(problemReply(validationProblem(violations), scope).body)
  assert.equal(body.status, 422)
  assert.deepEqual(body.errors, violations)
  for (const entry of Object.values(problemCatalogue)) assert.ok(entry.next.endsWith('.'))
})
