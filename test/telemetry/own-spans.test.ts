/** Spans that Holdfast records and writes itself are what those of OpenTelemetry's own SDK are. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterEach, type TestContext, test } from 'node:test'
import * as api from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import fc from 'fast-check'
import { systemClock } from '../../src/base/clock.ts'
import { OwnTracing } from '../../src/runtime/telemetry/own-tracing.ts'
import { ProtoWriter } from '../../src/runtime/telemetry/proto-writer.ts'
import { SpanWriter } from '../../src/runtime/telemetry/span-writer.ts'
import { storedContext } from '../../src/runtime/telemetry/stored-context.ts'
import { fieldsOf, type ReadSpan, readRequest } from './otlp-reader.ts'

afterEach(() => {
  api.trace.disable()
  api.context.disable()
})

const remote = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
}
const [START, END] = [1_700_000_000_000, 1_700_000_000_017.5]

/** What an app may do to a span, by way of the API alone. */
function useEverything(tracer: api.Tracer): void {
  const traceState = api.createTraceState('vendor=1')
  const context = api.trace.setSpanContext(api.ROOT_CONTEXT, { ...remote, traceState })
  const options = { kind: api.SpanKind.CLIENT, startTime: START, attributes: { first: 'a' } }
  const full = tracer.startSpan('a "quoted" name\n', options, context)
  full.setAttributes({
    text: 'ü "\\ \u2028 😀',
    long: 'ä'.repeat(300),
    whole: 42,
    large: Number.MAX_SAFE_INTEGER,
    negative: -1,
    part: 0.5,
    yes: true,
    no: false,
    list: ['a', 'b'],
    numbers: [1, 2.5],
    empty: '',
    none: [],
  })
  full.setAttribute('first', 'again')
  full.addEvent('happened', { at: 1 }, START + 1)
  full.addEvent('bare', START + 2)
  full.addLink({ context: { ...remote, spanId: 'c7ad6b7169203331' }, attributes: { why: 'batch' } })
  full.recordException({ name: 'TypeError', message: 'no', code: 'E_NO' }, START + 3)
  full.updateName('another name')
  full.setStatus({ code: api.SpanStatusCode.ERROR, message: 'no' })
  full.end(END)
  full.setAttribute('late', true)
  full.end(END + 1)
  const many = tracer.startSpan('many', { startTime: START, root: true })
  for (let n = 0; n < 130; n++) many.setAttribute(`n${n}`, n).addEvent(`e${n}`, START)
  many.setStatus({ code: api.SpanStatusCode.OK })
  many.setStatus({ code: api.SpanStatusCode.ERROR })
  many.end(END)
}

/** Our spans, as a collector reads them. */
function recorded(sampledRatio = 1) {
  const buffer = new ArrayBuffer(256 * 1024)
  const writer = new SpanWriter(Buffer.from(buffer), 'test')
  const add = (span: Parameters<SpanWriter['add']>[0]) => assert.ok(writer.add(span))
  const active = storedContext(api)
  const { run } = active
  const tracing = new OwnTracing({ api, clock: systemClock, sampledRatio, run, add })
  const spans = () => {
    const { resourceSpans } = readRequest(Buffer.from(buffer, 0, writer.end()))
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  }
  return { tracing, spans, active }
}

async function exportedBySdk(t: TestContext): Promise<ReadSpan[]> {
  const memory = new InMemorySpanExporter()
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: memory })],
  })
  useEverything(provider.getTracer('test'))
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const received = once(server, 'request').then(async ([request, response]) => {
    const body = await json(request)
    response.setHeader('connection', 'close').end('{}')
    return body as { resourceSpans: { scopeSpans: { spans: ReadSpan[] }[] }[] }
  })
  const { port } = server.address() as AddressInfo
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}/v1/traces` })
  exporter.export(memory.getFinishedSpans(), () => {})
  const { resourceSpans } = await received
  await exporter.shutdown()
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
}

/** Ids are made up by each; integers may be text; which of too many events are kept is not said. */
function normal({ traceId, spanId, flags, events, links, ...span }: ReadSpan): unknown {
  const plain = JSON.stringify({ ...span, events: told(events), links: told(links) })
  return {
    ...JSON.parse(plain, (key, value) => (key === 'intValue' ? Number(value) : value)),
    traceId: span.parentSpanId === undefined ? traceId.length : traceId,
    spanId: spanId.length,
    // That a trace id is random (Trace Context level 2) is told by us alone.
    flags: (flags as number) & ~2,
  }
}

function told(each: unknown): unknown {
  const parts = each as { droppedAttributesCount?: number }[]
  const whole = parts.map(({ droppedAttributesCount: _, ...part }) => part)
  return whole.length > 10 ? whole.length : whole
}

test('what an app does to its spans is told as the SDK and its exporter tell it', async (t) => {
  const { tracing, spans } = recorded()
  useEverything(tracing.getTracer('test'))
  const [ours, theirs] = [spans(), await exportedBySdk(t)]
  assert.equal(ours.length, 2)
  assert.deepEqual(ours.map(normal), theirs.map(normal))
})

const shape = {
  name: 'GET /v1/notes',
  kind: 'server',
  attributes: { 'http.route': '/v1/notes' },
} as const
const step = { name: 'step', kind: 'internal' } as const

test('what code opens inside of our span is a part of it', () => {
  const { tracing, spans, active } = recorded()
  api.trace.setGlobalTracerProvider(tracing)
  api.context.setGlobalContextManager(active)
  const outer = tracing.open(shape, {})
  const inner = outer.child(step, { n: 1 })
  inner.run(() => {
    api.trace.getActiveSpan()?.setAttribute('by', 'code')
    const result = api.trace.getTracer('lib').startActiveSpan('of a library', (span) => {
      span.end()
      return 7
    })
    assert.equal(result, 7)
  })
  inner.fail('conflict')
  inner.end()
  outer.set({ 'http.route': 'changed', status: 200 })
  outer.end()
  const [library, own, request] = spans() as [ReadSpan, ReadSpan, ReadSpan]
  assert.equal(library.parentSpanId, own.spanId)
  assert.equal(own.parentSpanId, request.spanId)
  assert.equal(request.parentSpanId, undefined)
  assert.deepEqual(new Set([library, own, request].map(({ traceId }) => traceId)).size, 1)
  assert.deepEqual(
    own.attributes.map(({ key }) => key),
    ['n', 'by', 'error.type'],
  )
  assert.deepEqual(own.status, { code: 2 })
  // A key is told once, with the value that came last.
  assert.deepEqual(request.attributes, [
    { key: 'http.route', value: { stringValue: 'changed' } },
    { key: 'status', value: { intValue: 200 } },
  ])
  assert.equal(request.traceId, outer.trace.traceId)
  assert.equal(outer.trace.traceparent, `00-${request.traceId}-${request.spanId}-03`)
})

test('what an app has put into its context is still there inside of our spans', (t) => {
  const { tracing, spans, active } = recorded()
  api.context.setGlobalContextManager(active)
  t.after(() => api.context.disable())
  const key = api.createContextKey('whose')
  const outer = tracing.open(shape, {})
  outer.run(() => {
    assert.equal(api.trace.getActiveSpan(), outer)
    api.context.with(api.context.active().setValue(key, 'ada'), () => {
      const inner = outer.child(step)
      inner.run(() => {
        assert.equal(api.trace.getActiveSpan(), inner)
        assert.equal(api.context.active().getValue(key), 'ada')
      })
    })
    assert.equal(api.context.active().getValue(key), undefined)
  })
  assert.equal(api.trace.getActiveSpan(), undefined)
  assert.deepEqual(spans(), [])
})

test('the decision of a caller is kept, and beginnings are recorded by the ratio', () => {
  const { tracing, spans } = recorded(0.25)
  const caller = (flags: string) => `00-${remote.traceId}-${remote.spanId}-${flags}`
  const told = tracing.open(shape, { traceparent: caller('01'), tracestate: 'vendor=1' })
  const quiet = tracing.open(shape, { traceparent: caller('00') })
  assert.deepEqual([told.sampled, quiet.sampled, quiet.child(step).sampled], [true, false, false])
  assert.equal(told.trace.parentSpanId, remote.spanId)
  assert.equal(told.trace.tracestate, 'vendor=1')
  told.end()
  quiet.end()
  assert.deepEqual(
    spans().map(({ traceId, traceState }) => [traceId, traceState]),
    [[remote.traceId, 'vendor=1']],
  )
  const begun = Array.from({ length: 4_000 }, () => tracing.open(shape, {}).sampled)
  const share = begun.filter(Boolean).length / begun.length
  assert.ok(share > 0.2 && share < 0.3, `${share}`)
})

test('a protocol buffer says what was put into it', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 200 }))
  const whole = fc.maxSafeInteger()
  fc.assert(
    fc.property(
      text,
      whole,
      fc.double(),
      fc.integer({ min: 1, max: 500 }),
      (said, n, part, field) => {
        const out = new ProtoWriter(Buffer.from(new ArrayBuffer(4_096)))
        out.text(field, said)
        out.varint(field, n)
        out.double(field, part)
        out.fixed64(field, Math.floor(Math.abs(n) / 2 ** 32), Math.abs(n) % 2 ** 32)
        out.fixed32(field, Math.abs(n) % 2 ** 32)
        const read = fieldsOf(out.bytes.subarray(0, out.at)).get(field)
        const [first, second, third, fourth, fifth] = read as [
          Buffer,
          bigint,
          Buffer,
          Buffer,
          Buffer,
        ]
        assert.deepEqual(first, Buffer.from(said))
        assert.equal(BigInt.asIntN(64, second), BigInt(n))
        assert.equal(third.readDoubleLE(), part)
        assert.equal(fourth.readBigUInt64LE(), BigInt(Math.abs(n)))
        assert.equal(fifth.readUInt32LE(), Math.abs(n) % 2 ** 32)
      },
    ),
  )
})
