import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { childTrace, parseTraceparent, parseTracestate, traceContext } from './trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

test('a traceparent of version 00 and of a later one are read', () => {
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), {
    traceId: TRACE,
    spanId: SPAN,
    flags: 1,
  })
  assert.deepEqual(parseTraceparent(`cc-${TRACE}-${SPAN}-03-what-comes`)?.flags, 3)
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.flags, 3, 'unknown flags are dropped')
})

for (const header of [
  '',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `cc-${TRACE}-${SPAN}-01.more`,
  ` 00-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
])
  test(`traceparent ${JSON.stringify(header)} is refused`, () => {
    assert.equal(parseTraceparent(header), undefined)
  })

test('a trace goes on with a span of its own', () => {
  const context = traceContext(`00-${TRACE}-${SPAN}-00`, 'vendor=1')
  assert.equal(context.traceId, TRACE)
  assert.equal(context.parentSpanId, SPAN)
  assert.notEqual(context.spanId, SPAN)
  assert.equal(context.sampled, false)
  assert.equal(context.traceparent, `00-${TRACE}-${context.spanId}-00`)
  const child = childTrace(context)
  assert.equal(child.parentSpanId, context.spanId)
  assert.equal(child.tracestate, 'vendor=1')
})

test('a new trace can be read by others, and ids do not repeat', () => {
  const seen = new Set<string>()
  for (let count = 0; count < 2000; count++) {
    const { traceparent, traceId, spanId } = traceContext()
    const read = parseTraceparent(traceparent)
    assert.deepEqual([read?.traceId, read?.spanId, read?.flags], [traceId, spanId, 3])
    seen.add(traceId).add(spanId)
  }
  assert.equal(seen.size, 4000)
  assert.equal(traceContext('broken', 'a=b').tracestate, undefined, 'no state without its trace')
})

for (const [header, expected] of [
  ['a=1', 'a=1'],
  ['a=1,b=2', 'a=1,b=2'],
  ['a=1 ,\tb=2, ', 'a=1,b=2'],
  ['tenant@vendor=1', 'tenant@vendor=1'],
  ['0tenant@vendor=1', '0tenant@vendor=1'],
  ['a= b', 'a= b'],
  ['', undefined],
  ['a', undefined],
  ['a=', undefined],
  ['A=1', undefined],
  ['0a=1', undefined],
  ['a=1=2', undefined],
  ['a=1,a=2', undefined],
  ['a=\u00e9', undefined],
  ['@vendor=1', undefined],
  [`${'a'.repeat(257)}=1`, undefined],
  [Array.from({ length: 32 }, (_, index) => `a${index}=1`).join(), 'same'],
  [Array.from({ length: 33 }, (_, index) => `a${index}=1`).join(), undefined],
  [`a=${'b'.repeat(511)}`, undefined],
] as const)
  test(`tracestate ${JSON.stringify(header.slice(0, 40))} gives ${expected}`, () => {
    assert.equal(parseTracestate(header), expected === 'same' ? header : expected)
  })

test('whatever comes in, what goes out is valid', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (parent, state) => {
      const context = traceContext(parent, state)
      assert.ok(parseTraceparent(context.traceparent))
      if (context.tracestate !== undefined)
        assert.equal(parseTracestate(context.tracestate), context.tracestate)
    }),
  )
})
