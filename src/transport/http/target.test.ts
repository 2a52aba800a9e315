import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judgeTarget, originForm, PathPattern, routerPath } from './target.ts'

test('the absolute form becomes the origin form', () => {
  assert.equal(originForm('http://a.example/v1?b=c'), '/v1?b=c')
  assert.equal(originForm('HTTPS://a.example:1'), '/')
  assert.equal(originForm('http://a.example?b=c'), '/?b=c')
  assert.equal(originForm('ftp://a.example/v1'), 'ftp://a.example/v1')
})

for (const [target, verdict] of [
  ['/', 'ok'],
  ['/v1/orders?limit=1&filter[a]=b|c', 'ok'],
  ['/v1/caf%C3%A9', 'ok'],
  ['/v1/a%2Fb', 'not-found'],
  ['/v1/a%5Cb', 'not-found'],
  ['/v1/a%00', 'not-found'],
  ['/v1/..', 'not-found'],
  ['/v1/./a', 'not-found'],
  ['/v1/%2E.', 'not-found'],
  ['/v1/...', 'ok'],
  ['/v1/%ff', 'malformed'],
  ['/v1/%', 'malformed'],
  ['/v1#a', 'malformed'],
  ['/v1?a#b', 'malformed'],
  ['/v1 a', 'malformed'],
  ['/v1?a\x7f', 'malformed'],
  ['v1', 'malformed'],
  ['', 'malformed'],
] as const)
  test(`${JSON.stringify(target)} is ${verdict}`, () => {
    assert.equal(judgeTarget(target), verdict)
  })

test('a path matches to the letter, its parameters decoded', () => {
  const pattern = new PathPattern('/v1/orders/{id}/lines/{line}')
  assert.deepEqual(pattern.match('/v1/orders/a%20b/lines/%C3%A9'), { id: 'a b', line: '\u00e9' })
  for (const path of [
    '/v1/orders/1/lines',
    '/v1/orders/1/lines/',
    '/v1/orders//lines/1',
    '/v1/orders/1/Lines/1',
    '/v1/orders/1/%6cines/1',
    '/v1/orders/1/lines/1/',
  ])
    assert.equal(pattern.match(path), undefined, path)
  assert.equal(routerPath('/v1/orders/{id}/lines/{line}'), '/v1/orders/:id/lines/:line')
})

test('what is encoded into a path comes out of it', () => {
  const pattern = new PathPattern('/v1/{id}')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (id) => {
      const path = `/v1/${encodeURIComponent(id)}`
      if (judgeTarget(path) !== 'ok' || id === '.' || id === '..') return
      assert.deepEqual(pattern.match(path), { id })
    }),
  )
})
