/** What we write is what the exporter of OpenTelemetry writes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type TraceState, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { otlpSpan } from './otlp-span.ts'

const remote = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
}
const traceState = { serialize: () => 'vendor="1"' } as TraceState

function madeSpans() {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const tracer = provider.getTracer('test')
  const context = trace.setSpanContext(ROOT_CONTEXT, { ...remote, traceState })
  const full = tracer.startSpan('a "quoted" name\n', { kind: SpanKind.CLIENT }, context)
  full.setAttributes({
    text: 'ü "\\ \u2028',
    whole: 42,
    negative: -1,
    part: 0.5,
    yes: true,
    no: false,
    list: ['a', 'b'],
    numbers: [1, 2.5],
    empty: '',
  })
  full.addEvent('happened', { at: 1 }, [1_700_000_000, 5])
  full.addLink({ context: { ...remote, spanId: 'c7ad6b7169203331' }, attributes: { why: 'batch' } })
  full.setStatus({ code: SpanStatusCode.ERROR, message: 'no' })
  full.end()
  tracer.startSpan('bare', { root: true }).end()
  return exporter.getFinishedSpans()
}

async function asExported(t: TestContext, spans: ReturnType<typeof madeSpans>) {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const received = once(server, 'request').then(async ([request, response]) => {
    const body = await json(request)
    response.setHeader('connection', 'close').end('{}')
    return body as { resourceSpans: { scopeSpans: { spans: unknown[] }[] }[] }
  })
  const { port } = server.address() as AddressInfo
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}/v1/traces` })
  exporter.export(spans, () => {})
  const { resourceSpans } = await received
  await exporter.shutdown()
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
}

/** Counts that are 0, and lists that are empty, are the defaults; integers may be text or numbers. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(
    ([key, each]) => !/^dropped/.test(key) && !(Array.isArray(each) && each.length === 0),
  )
  return Object.fromEntries(
    kept.map(([key, each]) => [key, key === 'intValue' ? Number(each) : normal(each)]),
  )
}

test('a span is written as the exporter of OpenTelemetry writes it', async (t) => {
  const spans = madeSpans()
  assert.equal(spans.length, 2)
  const theirs = await asExported(t, spans)
  const ours = spans.map((span) => JSON.parse(otlpSpan(span)))
  assert.deepEqual(ours.map(normal), theirs.map(normal))
})
