import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findRule, rules, rulesOfDetector, rulesOfSymptom } from './rules.ts'
import { createSearch } from './search.ts'

const search = createSearch(rules)

/** What people on call type, and what must be among the first three. */
const asked: Readonly<Record<string, string>> = {
  'orders doubled': 'missing-idempotency',
  'duplicate charges': 'missing-idempotency',
  "customers see others' data": 'rbac-abac-rls',
  'prepared statement "s1" does not exist': 'prepared-statement-pooler',
  'lost events': 'outbox-by-timestamp',
  'race condition': 'check-then-act',
  'sorry, too many clients already': 'pool-per-request',
  'outage does not end': 'retry-without-backoff',
  'migration locks table': 'massive-migration',
  timezones: 'time-zone-arithmetic',
  jwt: 'jwt-alg-confusion',
}

test('the words of somebody on call lead to the rule', () => {
  const missed = Object.entries(asked).flatMap(([query, id]) => {
    const found = search(query, 3).map(({ entry }) => entry.id)
    return found.includes(id) ? [] : [`${query}: ${found.join(', ')} in place of ${id}`]
  })
  assert.deepEqual(missed, [])
})

test('every rule is found first by its id, or its title', () => {
  const missed = rules.filter(({ id, title }) =>
    [id, title].every((query) => search(query, 1)[0]?.entry.id !== id),
  )
  assert.deepEqual(
    missed.map(({ id }) => id),
    [],
  )
})

test('rules are found by id, by detector and by symptom, gravest first', () => {
  assert.equal(findRule('n-plus-one')?.severity, 'warning')
  assert.equal(findRule('zebra'), undefined)
  assert.deepEqual(
    rulesOfDetector('string-sql').map(({ id }) => id),
    ['string-sql'],
  )
  const ranks = rulesOfSymptom('doubled').map(({ severity }) =>
    ['error', 'warning', 'info'].indexOf(severity),
  )
  assert.deepEqual(ranks, ranks.toSorted())
})
