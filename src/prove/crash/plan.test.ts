import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CrashMessage } from './crash.ts'
import { type Plan, plansFor } from './plan.ts'

const messages = ['a1', 'a2', 'b1'].map((key) => ({ key, group: key.at(0) }))
const groupOf = ({ group }: CrashMessage) => String(group)

function turnsOf(plans: readonly Plan[], kind: Plan['kind']): string[] {
  return plans
    .filter((plan) => plan.kind === kind)
    .map(({ turns }) => turns.map((turn) => (turn === 'rest' ? '.' : turn.key)).join(' '))
}

test('without a promise every order is possible, and each message comes again alone', () => {
  const plans = plansFor(messages)
  assert.equal(turnsOf(plans, 'order').length, 5)
  assert.deepEqual(turnsOf(plans, 'again').slice(0, 3), [
    'a1 a1 a2 b1',
    'a1 a2 a1 b1',
    'a1 a2 b1 a1',
  ])
  assert.deepEqual(turnsOf(plans, 'late'), ['a2 b1 . a1', 'a1 b1 . a2', 'a1 a2 . b1'])
})

test('messages of one group keep their order, come again together, and wait for each other', () => {
  const plans = plansFor(messages, { order: 'per group', groupOf })
  assert.deepEqual(turnsOf(plans, 'order'), ['a1 b1 a2', 'b1 a1 a2'])
  assert.ok(turnsOf(plans, 'again').includes('a1 a2 a1 a2 b1'))
  assert.deepEqual(turnsOf(plans, 'late'), ['b1 . a1 a2', 'a1 b1 . a2', 'a1 a2 . b1'])
})

test('an older form comes in place of the present one', () => {
  const older = ({ key }: CrashMessage) => (key === 'a2' ? [{ key: 'a2 as it was' }] : [])
  assert.deepEqual(turnsOf(plansFor(messages, { older }), 'older'), ['a1 a2 as it was b1'])
})

test('of many messages some orders are tried', () => {
  const many = Array.from({ length: 9 }, (_, index) => ({ key: `m${index}` }))
  assert.equal(turnsOf(plansFor(many), 'order').length, 23)
})
