import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProblemError } from '../../operation/problem.ts'
import {
  bearerCredential,
  idempotencyKey,
  isJsonType,
  requestTimeoutMs,
} from './request-headers.ts'

const ID = '8e03978e-40d5-43e8-bc93-6894a57f9324'

for (const [header, key] of [
  [ID, ID],
  [`"${ID}"`, ID],
  ['"a\\"b\\\\c"', 'a"b\\c'],
  ['a"b', 'a"b'],
  ['a,b', 'a,b'],
  ['a'.repeat(255), 'a'.repeat(255)],
  [`"${'a'.repeat(255)}"`, 'a'.repeat(255)],
  [`"${'\\"'.repeat(255)}"`, '"'.repeat(255)],
  ['', undefined],
  ['""', undefined],
  ['"', undefined],
  ['"a', undefined],
  ['"a\\"', undefined],
  ['"a"b"', undefined],
  ['"a";p=1', undefined],
  ['"a", "b"', undefined],
  ['a, b', undefined],
  ['a b', undefined],
  ['a\tb', undefined],
  ['\u00e9', undefined],
  ['a'.repeat(256), undefined],
  [`"${'a'.repeat(256)}"`, undefined],
  [`"${'\\"'.repeat(256)}"`, undefined],
] as const)
  test(`Idempotency-Key ${JSON.stringify(header.slice(0, 40))} (${header.length}) is ${key ? 'read' : 'refused'}`, () => {
    const found = idempotencyKey(header)
    assert.equal(found instanceof ProblemError ? undefined : found, key)
  })

test('a timeout is a number of seconds above zero, bounded', () => {
  const read = (header: string) => {
    const found = requestTimeoutMs(header, 60_000)
    return found instanceof ProblemError ? undefined : found
  }
  assert.deepEqual(
    ['1', '2.5', '0.001', '60', '61', '9999999'].map(read),
    [1000, 2500, 1, 60_000, 60_000, 60_000],
  )
  for (const bad of [
    '',
    '0',
    '0.000',
    '-1',
    '1s',
    '1e3',
    '1.',
    '.5',
    '1.2345',
    ' 1',
    '12345678',
    'NaN',
  ])
    assert.equal(read(bad), undefined, bad)
})

test('a bearer credential is one token', () => {
  assert.equal(bearerCredential(undefined), undefined)
  assert.equal(bearerCredential('bearer  abc.DEF-_~+/=='), 'abc.DEF-_~+/==')
  for (const bad of [
    '',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a, Bearer b',
    'Basic abc',
    'Bearer a=b',
    'Bearer\ta',
  ])
    assert.ok(bearerCredential(bad) instanceof ProblemError, bad)
})

test('the content type is JSON in UTF-8, and nothing else', () => {
  for (const good of [
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json ; charset="UTF-8" ',
  ])
    assert.ok(isJsonType(good), good)
  for (const bad of [
    undefined,
    '',
    'application/json;',
    'application/json\ta',
    'application/json; charset=utf8',
    'application/json; a=b',
    'application/problem+json',
    'application/jsonx',
    'text/json',
    'application/json, application/json',
  ])
    assert.ok(!isJsonType(bad), String(bad))
})
