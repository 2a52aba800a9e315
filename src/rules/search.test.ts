import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from './rule.ts'
import { createSearch } from './search.ts'

function entry(id: string, title: string, more: Partial<Entry> & { why?: string } = {}): Entry {
  return { id, kind: 'pattern', title, rule: '', symptoms: [], related: [], sources: [], ...more }
}

const search = createSearch([
  entry('n-plus-one', 'A query for each row', { why: 'Slow with many rows.' }),
  entry('outbox', 'Events in the same transaction', { symptoms: ['lost'] }),
  entry('retry', 'Retries with backoff', { rule: 'Retry what is transient.' }),
  entry('lock', 'One order of locks'),
  entry('rows', 'Bounded results', { why: 'Each query has a bound.' }),
])
const ids = (query: string) => search(query, 10).map((hit) => hit.entry.id)

test('an id finds its entry first', () => {
  assert.equal(ids('n-plus-one')[0], 'n-plus-one')
})

test('a title counts more than prose', () => {
  assert.deepEqual(ids('query'), ['n-plus-one', 'rows'])
})

test('forms of a word meet, and beginnings of a word', () => {
  assert.deepEqual(ids('retrying retries'), ['retry'])
  assert.deepEqual(ids('transac'), ['outbox'])
})

test('an entry with every word comes before one with a rarer word alone', () => {
  assert.deepEqual(ids('bounded query')[0], 'rows')
})

test('what somebody sees finds what causes it', () => {
  assert.deepEqual(ids('event is lost')[0], 'outbox')
})

test('a message of the server finds what speaks of it in other words', () => {
  assert.deepEqual(ids('deadlock detected'), ['lock'])
})

test('nothing that counts finds nothing, and the bound holds', () => {
  assert.deepEqual(ids(''), [])
  assert.deepEqual(ids('the of'), [])
  assert.deepEqual(ids('zebra'), [])
  assert.equal(search('query', 1).length, 1)
})
