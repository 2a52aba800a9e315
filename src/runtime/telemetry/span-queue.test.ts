import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../log.ts'
import { SpanQueue } from './span-queue.ts'

const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
const span = {
  name: 'x',
  kind: 0,
  spanContext: () => context,
  startTime: [0, 0],
  endTime: [0, 0],
  duration: [0, 0],
  status: { code: 0 },
  attributes: {},
  events: [],
  links: [],
  instrumentationScope: { name: 'test' },
} as unknown as ReadableSpan

test('what does not fit into the queue is dropped and counted', async () => {
  // A port that nobody listens on: whatever is sent fails.
  const target = {
    url: 'http://127.0.0.1:9/v1/traces',
    headers: {},
    serviceName: 'x',
    timeoutMs: 50,
  }
  const queue = new SpanQueue({ target, clock: systemClock, log: silentLog, spansMax: 10 })
  for (let n = 0; n < 25; n++) queue.onEnd(span)
  assert.equal(queue.counts.dropped, 15)
  await queue.shutdown()
  queue.onEnd(span)
  assert.equal(queue.counts.dropped, 16)
})
