import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { systemPrincipal } from '../base/principal.ts'
import { testClock } from '../testing/test-clock.ts'
import { deadlineAfter, OpenScope } from './scope.ts'
import { traceContext } from './trace-context.ts'

function openScope(timeoutMs = 1000) {
  const clock = testClock()
  const listeners = new Set<() => void>()
  const scope = new OpenScope({
    principal: systemPrincipal('acme'),
    requestId: 'r-1',
    trace: traceContext(),
    deadline: deadlineAfter(clock, timeoutMs),
    clock,
    callerGone: (onGone) => {
      listeners.add(onGone)
      return () => listeners.delete(onGone)
    },
  })
  return { scope, clock, listeners }
}

test("the tenant is the principal's", () => {
  const { scope } = openScope()
  assert.equal(scope.tenant, 'acme')
  assert.equal('idempotencyKey' in scope, false)
})

test('a scope whose signal nobody asks for has no timer and listens to nothing', () => {
  const { scope, clock, listeners } = openScope()
  assert.equal(clock.pending, 0)
  scope.close()
  assert.equal(listeners.size, 0)
})

test('the signal aborts once the deadline has passed', () => {
  const { scope, clock } = openScope(1000)
  const { signal } = scope
  clock.advance(999)
  assert.equal(signal.aborted, false)
  assert.equal(scope.deadline.remainingMs(), 1)
  clock.advance(2)
  assert.ok(isFault(signal.reason, 'HF_DEADLINE_EXCEEDED'))
  assert.equal(scope.deadline.passed, true)
  assert.equal(scope.signal, signal)
})

test('asked for after the deadline, it is aborted already', () => {
  const { scope, clock } = openScope(10)
  clock.advance(11)
  assert.ok(isFault(scope.signal.reason, 'HF_DEADLINE_EXCEEDED'))
  assert.equal(clock.pending, 0)
})

test('the signal aborts when the caller is gone', () => {
  const { scope, listeners } = openScope()
  const { signal } = scope
  for (const gone of listeners) gone()
  assert.ok(isFault(signal.reason, 'HF_CANCELLED'))
})

test('a closed scope leaves no timer, no listener, and never aborts', () => {
  const { scope, clock, listeners } = openScope()
  const { signal } = scope
  scope.close()
  scope.close()
  assert.deepEqual([clock.pending, listeners.size], [0, 0])
  clock.advance(5000)
  assert.equal(signal.aborted, false)
  assert.equal(openScope().scope.signal.aborted, false)
})
