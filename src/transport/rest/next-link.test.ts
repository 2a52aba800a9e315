import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextLink } from './next-link.ts'

function link(target: string, body: unknown, base = '') {
  return nextLink(base, target, JSON.stringify(body))
}

test('the cursor replaces the one of the request, the rest of the query stays', () => {
  const body = { data: [], next_cursor: 'a-b_c.d=' }
  assert.equal(
    link('/v1/orders?status=paid&cursor=old&limit=2', body, 'https://api.example'),
    '<https://api.example/v1/orders?status=paid&limit=2&cursor=a-b_c.d%3D>; rel="next"',
  )
  assert.equal(
    link('/v1/orders?cursors=1&cursor', { next_cursor: 'b' }),
    '</v1/orders?cursors=1&cursor=b>; rel="next"',
  )
})

test('the last page has none, whatever stands in its data', () => {
  assert.equal(link('/v1/orders', { data: [], next_cursor: null }), undefined)
  assert.equal(link('/v1/orders', { data: ['"next_cursor":"a"'], next_cursor: null }), undefined)
})
