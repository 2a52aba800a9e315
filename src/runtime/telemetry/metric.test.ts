import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseExposition, sampled } from '../../../test/telemetry/exposition.ts'
import { testClock } from '../../testing/test-clock.ts'
import { DURATION_BOUNDS, Metrics } from './metric.ts'
import { observeProcess } from './process-metrics.ts'

function exposed(metrics: Metrics) {
  return parseExposition(`${metrics.lines().join('\n')}\n`)
}

test('a counter, a histogram and a gauge as Prometheus reads them', () => {
  const metrics = new Metrics()
  const sent = metrics.counter({ name: 'mails_sent_total', help: 'Mails.', labels: ['kind'] })
  sent.with('welcome').add()
  sent.with('welcome').add(2)
  const took = metrics.histogram({ name: 'mail_seconds', help: 'Time.', bounds: [0.1, 1] })
  for (const seconds of [0.05, 0.1, 0.5, 3]) took.with().observe(seconds)
  metrics.read('gauge', { name: 'mails_waiting', help: 'Now.' }, () => 4)
  assert.deepEqual(metrics.lines(), [
    '# HELP mails_sent_total Mails.',
    '# TYPE mails_sent_total counter',
    'mails_sent_total{kind="welcome"} 3',
    '# HELP mail_seconds Time.',
    '# TYPE mail_seconds histogram',
    'mail_seconds_bucket{le="0.1"} 2',
    'mail_seconds_bucket{le="1"} 3',
    'mail_seconds_bucket{le="+Inf"} 4',
    'mail_seconds_sum 3.65',
    'mail_seconds_count 4',
    '# HELP mails_waiting Now.',
    '# TYPE mails_waiting gauge',
    'mails_waiting 4',
  ])
  exposed(metrics)
})

test('any text may be a help or a label value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ minLength: 1 }), (value, help) => {
      const metrics = new Metrics()
      const options = { name: 'any_total', help: `Help ${help}`, labels: ['any'] }
      metrics.counter(options).with(value.replaceAll('\r', '')).add()
      exposed(metrics)
    }),
  )
})

test('every value is in exactly one bucket, and the buckets hold all', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), (values) => {
      const metrics = new Metrics()
      const options = { name: 'any_seconds', help: 'Any.', bounds: DURATION_BOUNDS }
      const series = metrics.histogram(options).with()
      for (const value of values) series.observe(value)
      const families = exposed(metrics)
      assert.equal(sampled(families, 'any_seconds_count'), values.length)
      for (const bound of DURATION_BOUNDS) {
        const below = values.filter((value) => value <= bound).length
        assert.equal(sampled(families, 'any_seconds_bucket', { le: String(bound) }), below)
      }
    }),
  )
})

test('series are bounded: what goes beyond is counted together', () => {
  const metrics = new Metrics()
  const family = metrics.counter({ name: 'many_total', help: 'Many.', labels: ['id'] })
  for (let id = 0; id < 6_000; id++) family.with(`id-${id}`).add()
  const families = exposed(metrics)
  assert.equal(families.get('many_total')?.samples.length, 5_001)
  assert.equal(sampled(families, 'many_total', { id: '_other' }), 1_000)
  assert.equal(sampled(families, 'many_total'), 6_000)
})

test('a name that is taken, or none, and labels that do not fit are bugs', () => {
  const metrics = new Metrics()
  const family = metrics.counter({ name: 'a_total', help: 'A.', labels: ['x'] })
  assert.throws(() => metrics.counter({ name: 'a_total', help: 'A.' }), /already/)
  assert.throws(() => metrics.counter({ name: 'a-b', help: 'A.' }), /no name/)
  assert.throws(() => family.with('1', '2'), /1 labels and 2 values/)
})

test('the process tells of its loop, its memory and its collector', () => {
  const clock = testClock()
  const metrics = new Metrics()
  const stop = observeProcess(metrics, clock)
  const families = exposed(metrics)
  for (const name of [
    'nodejs_eventloop_delay_p99_seconds',
    'nodejs_eventloop_utilization_ratio',
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
    'v8js_memory_heap_used_bytes',
  ])
    assert.ok(families.has(name), name)
  stop()
})
