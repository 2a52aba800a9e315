/**
 * The ten anomalies of Hermitage (Martin Kleppmann) at the three levels of Postgres. Which of them a
 * level allows is known; the explorer finds exactly these, and with them every interleaving that it
 * takes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hermitage } from '../benchmark.ts'
import { testAll, testCount } from '../explore.ts'
import { LEVELS } from './anomalies.ts'

testCount(hermitage, { broken: 7, safe: 23 })

test('READ COMMITTED allows five, REPEATABLE READ two, SERIALIZABLE none', () => {
  const allowed = LEVELS.map((level) => {
    const at = hermitage.filter(({ title }) => title.endsWith(` at ${level.toUpperCase()}`))
    return at.filter(({ broken }) => broken).length
  })
  assert.deepEqual(allowed, [5, 2, 0])
})

testAll(hermitage)
