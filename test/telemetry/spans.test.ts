/** One trace from the request to what its event and its job bring about. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { type TestApp, testApp } from '../../src/testing/test-app.ts'
import type { TestCaller } from '../../src/testing/test-caller.ts'
import { collectSpans } from './collected-spans.ts'
import { notesApp, ReadNote, WriteNote } from './notes-app.ts'

const INSERT_NOTE = 'INSERT INTO notes (id, text) VALUES ($1, $2)'

function msOf(time: readonly [number, number] | undefined): number {
  const [seconds = 0, nanos = 0] = time ?? []
  return seconds * 1e3 + nanos / 1e6
}

describe('with an OpenTelemetry SDK registered', () => {
  const collected = collectSpans()
  let app: TestApp
  let ada: TestCaller
  before(async () => {
    app = await testApp(notesApp)
    ada = await app.caller('acme', { permissions: ['notes:write'] })
  })
  after(() => app.stop())
  beforeEach(() => collected.reset())

  const named = (name: string): ReadableSpan => {
    const found = collected.spans.find((span) => span.name === name)
    assert.ok(found, `${name} among ${collected.spans.map((span) => span.name).join(' | ')}`)
    return found
  }
  const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId
  const idOf = (span: ReadableSpan) => span.spanContext().spanId

  test('request, operation, batches, event and job are one trace, each below its cause', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const reply = await ada.ask('POST /v1/notes', {
      body: { text: 'traced' },
      headers: { traceparent, tracestate: 'vendor=1' },
    })
    assert.equal(reply.status, 201)
    await app.settle()
    const request = named('POST /v1/notes')
    const operation = named('notes.write-note')
    assert.equal(parentOf(request), 'b7ad6b7169203331')
    assert.equal(reply.headers.get('traceparent')?.split('-')[2], idOf(request))
    assert.equal(parentOf(operation), idOf(request))
    for (const name of ['event notes.count-reader', 'job notes.print-note', 'of the app']) {
      assert.equal(parentOf(named(name)), idOf(operation), name)
    }
    const batches = collected.spans.filter((span) => span.attributes['db.system.name'])
    const ofOperation = batches.filter((span) => parentOf(span) === idOf(operation))
    assert.equal(ofOperation.length, 2, 'the opening batch and the closing one')
    const [opening] = ofOperation as [ReadableSpan, ReadableSpan]
    assert.match(opening.name, /^BEGIN; .*INSERT notes$/)
    assert.equal(opening.attributes['db.operation.batch.size'], opening.name.split('; ').length)
    assert.equal(opening.attributes['db.query.text'], INSERT_NOTE)
    assert.equal(opening.attributes['db.response.returned_rows'], 0)
    assert.deepEqual(
      batches.filter((span) => parentOf(span) === idOf(opening)),
      [],
      'one statement of the user: its span is that of the batch',
    )
    for (const span of collected.spans) {
      assert.equal(span.spanContext().traceId, '0af7651916cd43dd8448eb211c80319c', span.name)
      assert.equal(span.spanContext().traceState?.serialize() ?? 'vendor=1', 'vendor=1')
    }
    assert.equal(request.attributes['http.response.status_code'], 201)
    assert.equal(request.attributes['http.route'], '/v1/notes')
  })

  test('of several statements in one batch each has a span below it, and all the same time', async () => {
    await ada.call(WriteNote, { text: 'thrice', copies: 2 })
    await app.settle()
    const inserts = collected.spans.filter(({ name }) => name === 'INSERT notes')
    assert.equal(inserts.length, 3)
    const batch = collected.spans.find((span) => idOf(span) === parentOf(inserts[0] as never))
    assert.match(batch?.name ?? '', /^BEGIN; .*INSERT notes; INSERT notes; INSERT notes$/)
    assert.equal(batch?.attributes['db.query.text'], undefined)
    for (const insert of inserts) {
      assert.equal(insert.attributes['db.query.text'], INSERT_NOTE)
      assert.equal(insert.attributes['db.response.returned_rows'], 0)
      assert.deepEqual(insert.startTime, batch?.startTime)
    }
    const operation = named('notes.write-note')
    assert.ok(msOf(batch?.startTime) >= msOf(operation.startTime))
    assert.ok(msOf(batch?.endTime) <= msOf(operation.endTime))
    assert.ok(msOf(batch?.endTime) > msOf(batch?.startTime), 'it took as long as the round trip')
  })

  test('a trace that is not sampled stays so', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
    const reply = await ada.ask('POST /v1/notes', {
      body: { text: 'quiet' },
      headers: { traceparent },
    })
    await app.settle()
    assert.deepEqual(collected.spans, [])
    assert.match(
      reply.headers.get('traceparent') ?? '',
      /^00-0af7651916cd43dd8448eb211c80319c-.*-00$/,
    )
  })

  test('a refusal is told, a failure marks its spans', async () => {
    await ada.ask('POST /v1/notes', { body: { text: 'x', fail: 'problem' } })
    assert.equal(named('POST /v1/notes').status.code, 0)
    assert.equal(named('POST /v1/notes').attributes['error.type'], 'taken')
    collected.reset()
    await ada.ask('POST /v1/notes', { body: { text: 'x', fail: 'sql' } })
    assert.equal(named('POST /v1/notes').status.code, 2)
    const failed = collected.spans.filter((span) => span.attributes['error.type'] === '22012')
    assert.match(failed.at(-1)?.name ?? '', /^BEGIN/)
    assert.equal(failed.at(-1)?.attributes['holdfast.statement.failed'], 'SELECT')
  })

  test('a statement that fails is marked, those before it ran, those behind it did not', async () => {
    await ada.ask('POST /v1/notes', { body: { text: 'x', fail: 'no-table' } })
    const failed = collected.spans.filter((span) => span.attributes['error.type'] === '42P01')
    assert.deepEqual(failed.map(({ name }) => name).slice(0, 1), ['INSERT nowhere'])
    const names = collected.spans.map(({ name }) => name)
    assert.ok(names.includes('INSERT notes'), names.join())
    assert.ok(!names.includes('DELETE notes'), names.join())
  })

  test('a query is one request, one operation and one batch with its statements', async () => {
    const { id } = await ada.call(WriteNote, { text: 'read' })
    collected.reset()
    await ada.call(ReadNote, { id })
    const calls = collected.spans.filter(({ kind }) => kind !== 0)
    assert.deepEqual(calls.map(({ kind }) => kind).sort(), [1, 2], 'server, client')
    const batch = collected.spans.find(({ kind }) => kind === 2)
    assert.match(batch?.name ?? '', /; SELECT notes$/)
    assert.equal(batch?.attributes['db.response.returned_rows'], 1)
  })
})
