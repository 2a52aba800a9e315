import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import * as api from '@opentelemetry/api'
import { until } from '../../../test/until.ts'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../log.ts'
import { OwnTracing } from './own-tracing.ts'
import { SpanQueue, type SpanQueueOptions } from './span-queue.ts'
import { storedContext } from './stored-context.ts'

/** A port that nobody listens on: whatever is sent fails. */
const NOBODY = 'http://127.0.0.1:9/v1/traces'
/** For how long it is asked again. */
const NOBODY_MS = 50
const PATIENCE_MS = 30_000

function spansTo(url: string, bounds: Pick<SpanQueueOptions, 'buffersMax' | 'bufferBytes'>) {
  const timeoutMs = url === NOBODY ? NOBODY_MS : PATIENCE_MS
  const target = { url, headers: {}, timeoutMs }
  const common = { target, serviceName: 'x', clock: systemClock, log: silentLog }
  const queue = new SpanQueue({ ...common, ...bounds })
  const add = queue.add.bind(queue)
  const { run } = storedContext(api)
  const tracing = new OwnTracing({ api, clock: systemClock, sampledRatio: 1, run, add })
  const end = (count: number, attributes = {}) => {
    for (let n = 0; n < count; n++)
      tracing.open({ name: 'x', kind: 'server' }, {}, attributes).end()
  }
  return { queue, end }
}

async function collector(t: TestContext) {
  const lengths: number[] = []
  const server = createServer(async (request, response) => {
    lengths.push((await request.toArray()).reduce((sum, each) => sum + each.length, 0))
    response.end()
  }).listen(0, '127.0.0.1')
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/v1/traces`, lengths }
}

test('what does not fit into the buffers is dropped and counted', async () => {
  const { queue, end } = spansTo(NOBODY, { buffersMax: 2, bufferBytes: 1_000 })
  end(100)
  const { dropped } = queue.counts
  assert.ok(dropped > 60 && dropped < 100, `${dropped}`)
  await queue.stop()
  assert.deepEqual(queue.counts, { exported: 0, failed: 100 - dropped, dropped })
  end(1)
  assert.equal(queue.counts.dropped, dropped + 1)
})

test('a span larger than a buffer is dropped, and those around it are not', async (t) => {
  const { url, lengths } = await collector(t)
  const { queue, end } = spansTo(url, { bufferBytes: 1_000 })
  end(1)
  end(1, { text: 'x'.repeat(1_000) })
  end(1)
  await queue.flush()
  await until('both are there', async () => queue.counts.exported === 2)
  await queue.stop()
  assert.deepEqual(queue.counts, { exported: 2, failed: 0, dropped: 1 })
  assert.ok(lengths.every((length) => length > 0 && length <= 1_000))
})

test('a buffer is filled again when the collector has answered for it', async (t) => {
  const { url, lengths } = await collector(t)
  const { queue, end } = spansTo(url, { buffersMax: 1, bufferBytes: 1_000 })
  for (let n = 1; n <= 3; n++) {
    end(2)
    await queue.flush()
    await until('the collector has answered', async () => queue.counts.exported === 2 * n)
  }
  await queue.stop()
  assert.deepEqual(queue.counts, { exported: 6, failed: 0, dropped: 0 })
  assert.equal(lengths.length, 3)
})

test('a process that forgets to stop it ends all the same', async () => {
  const module = new URL('./span-queue.ts', import.meta.url).href
  const options = `{
    target: { url: '${NOBODY}', headers: {}, timeoutMs: 50 },
    serviceName: 'x', clock: { now: () => 0, monotonicMs: () => 0 }, log: {},
  }`
  const code = `import { SpanQueue } from '${module}'; new SpanQueue(${options})`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: 'inherit',
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  const [status] = await once(child, 'exit')
  assert.equal(status, 0)
})
