/** Traces leave by a thread of their own; whatever the collector does, requests are answered. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startApp } from '../../src/app/start-app.ts'
import { isFault } from '../../src/base/fault.ts'
import { holdfast } from '../../src/operation/builder.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { isSdkRegistered } from '../../src/runtime/telemetry/registered-tracing.ts'
import { testApp } from '../../src/testing/test-app.ts'
import { testSignal } from '../../src/testing/test-signal.ts'
import { until } from '../until.ts'
import { parseExposition, sampled } from './exposition.ts'
import { notesApp, WriteNote } from './notes-app.ts'
import { type ReadRequest, readRequest } from './otlp-reader.ts'

async function collector(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('spans reach the collector, with the name of the service and its headers', async () => {
  const bodies = testSignal<{ headers: unknown; body: ReadRequest }>('spans')
  using at = await collector(async (request, response) => {
    const body = readRequest(Buffer.concat(await request.toArray()))
    bodies.emit({ headers: request.headers.authorization, body })
    response.end('{}')
  })
  await using app = await testApp(notesApp, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: at.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collector-token',
      OTEL_SERVICE_NAME: 'notes',
    },
  })
  const ada = await app.caller('acme', { permissions: ['notes:write'] })
  await ada.call(WriteNote, { text: 'exported' })
  app.clock.advance(2_000)
  const spans: { name: string; traceId: string }[] = []
  while (!spans.some(({ name }) => name === 'POST /v1/notes')) {
    const { headers, body } = await bodies.next()
    assert.equal(headers, 'Bearer collector-token')
    const [{ resource, scopeSpans } = assert.fail()] = body.resourceSpans
    assert.deepEqual(resource.attributes[0]?.value, { stringValue: 'notes' })
    spans.push(...scopeSpans.flatMap((scope) => scope.spans))
  }
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
  const counted = async () => {
    const text = await (await fetch(`${app.adminUrl}/metrics`)).text()
    const families = parseExposition(text)
    return sampled(families, 'holdfast_trace_spans_total', { outcome: 'exported' })
  }
  await until('the export is counted', async () => (await counted()) >= spans.length)
  assert.doesNotMatch(app.log.text, /collector-token/)
})

test('a collector that hangs costs spans and no request', async () => {
  const asked = testSignal('a request of the exporter')
  using at = await collector(() => asked.emit())
  const app = await testApp(notesApp, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: at.url } })
  const ada = await app.caller('acme', { permissions: ['notes:write'] })
  for (let n = 0; n < 20; n++) {
    await ada.call(WriteNote, { text: `note ${n}` })
    app.clock.advance(1_100)
  }
  await asked.next()
  assert.equal((await ada.ask('POST /v1/notes', { body: { text: 'last' } })).status, 201)
  // It ends although nothing was ever answered.
  await app.stop()
})

test('an app that is put together wrongly leaves no exporter behind', async () => {
  const wrong = holdfast().defineApp({ modules: [{}] })
  const config = loadConfig({
    HOLDFAST_ENV: 'test',
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    LOG_LEVEL: 'silent',
  })
  await assert.rejects(startApp(wrong, { config }), (error) => isFault(error, 'HF_APP_INVALID'))
  assert.equal(isSdkRegistered(), false)
})
