import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testClock } from '../testing/test-clock.ts'
import { type CheckResult, EventLoopCheck, Health, healthBody } from './health.ts'

const pass: CheckResult = { status: 'pass' }

test('ready is as bad as its worst check', async () => {
  const health = new Health(testClock())
  assert.equal((await health.ready()).status, 'pass')
  health.register({ name: 'a:b', check: () => pass })
  health.register({ name: 'c:d', check: async () => ({ status: 'warn', observedValue: 7 }) })
  assert.equal((await health.ready()).status, 'warn')
  const remove = health.register({
    name: 'e:f',
    check: () => {
      throw new Error('refused')
    },
  })
  const report = await health.ready()
  assert.equal(report.status, 'fail')
  assert.equal(report.checks.get('e:f')?.output, 'refused')
  assert.equal(health.live().status, 'pass')
  remove()
})

test('a check that does not answer fails in time, and is told to stop', async () => {
  const clock = testClock()
  const health = new Health(clock)
  let told: AbortSignal | undefined
  health.register({
    name: 'postgres:connection',
    timeoutMs: 50,
    check: (signal) => {
      told = signal
      return new Promise<CheckResult>(() => {})
    },
  })
  const report = health.ready()
  clock.advance(50)
  assert.equal((await report).checks.get('postgres:connection')?.output, 'no answer within 50 ms')
  assert.equal(told?.aborted, true)
})

test('many probes at once, and soon after, cost what one costs', async () => {
  const clock = testClock()
  const health = new Health(clock)
  let asked = 0
  health.register({
    name: 'a:b',
    check: async () => {
      asked++
      return pass
    },
  })
  await Promise.all([health.ready(), health.ready()])
  clock.advance(999)
  await health.ready()
  assert.equal(asked, 1)
  clock.advance(1)
  await health.ready()
  assert.equal(asked, 2)
  assert.equal(clock.pending, 0)
})

test('draining fails at once, fresh results or not', async () => {
  const health = new Health(testClock())
  health.register({ name: 'a:b', check: () => pass })
  await health.ready()
  health.drain()
  const report = await health.ready()
  assert.equal(report.status, 'fail')
  assert.deepEqual([...report.checks.keys()], ['a:b', 'process:draining'])
  assert.equal(health.live().status, 'pass')
})

test('the body says why only to those who may know', async () => {
  const health = new Health(testClock())
  const output = 'connect ECONNREFUSED 10.0.0.7:5432'
  health.register({
    name: 'postgres:connection',
    componentType: 'datastore',
    check: () => ({ status: 'fail', output }),
  })
  const report = await health.ready()
  assert.deepEqual(JSON.parse(healthBody(report, false)), {
    status: 'fail',
    checks: {
      'postgres:connection': [
        { componentType: 'datastore', status: 'fail', time: '2026-01-31T12:00:00.000Z' },
      ],
    },
  })
  assert.equal(JSON.parse(healthBody(report, true)).checks['postgres:connection'][0].output, output)
})

test('the event loop is measured', () => {
  const check = new EventLoopCheck()
  check.start()
  const { status, observedUnit } = check.check()
  check.stop()
  assert.equal(observedUnit, 'ms')
  assert.equal(status, 'pass')
})
