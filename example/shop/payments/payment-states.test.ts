import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canReach, nextStep, type PaymentGoal, type PaymentStatus } from './payment-states.ts'

const statuses = ['pending', 'authorized', 'declined', 'captured', 'voided', 'refunded'] as const

test('there is one way, and no way back', () => {
  const reached = statuses.map((from) => [from, statuses.filter((to) => canReach(from, to))])
  assert.deepEqual(Object.fromEntries(reached), {
    pending: ['authorized', 'declined', 'captured', 'voided', 'refunded'],
    authorized: ['captured', 'voided', 'refunded'],
    declined: [],
    captured: ['refunded'],
    voided: [],
    refunded: [],
  })
})

test('every payment comes to a decided state, whatever its goal becomes on the way', () => {
  const done: Record<string, PaymentStatus> = {
    authorize: 'authorized',
    capture: 'captured',
    void: 'voided',
    refund: 'refunded',
  }
  for (let cancelledAfter = 0; cancelledAfter < 5; cancelledAfter++) {
    let status: PaymentStatus = 'pending'
    let goal: PaymentGoal = 'paid'
    for (let steps = 0; steps < 6; steps++) {
      if (steps === cancelledAfter) goal = 'released'
      const step = nextStep(status, goal)
      if (step === undefined) continue
      const next = done[step] as PaymentStatus
      assert.ok(canReach(status, next))
      status = next
    }
    assert.equal(nextStep(status, goal), undefined)
    assert.ok(status === 'voided' || status === 'refunded', status)
  }
})
