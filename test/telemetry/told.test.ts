/** What is told of work: one log line each, numbers that agree with it, and never a secret. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { type TestApp, testApp } from '../../src/testing/test-app.ts'
import type { TestCaller } from '../../src/testing/test-caller.ts'
import type { LogLine } from '../../src/testing/test-log.ts'
import { collectSpans } from './collected-spans.ts'
import { parseExposition, sampled } from './exposition.ts'
import { notesApp, ReadNote, WriteNote } from './notes-app.ts'

const collected = collectSpans()

describe('what an app tells of its work', () => {
  let app: TestApp
  let ada: TestCaller
  before(async () => {
    app = await testApp(notesApp)
    ada = await app.caller('acme', { permissions: ['notes:write'] })
  })
  after(() => app.stop())

  const requests = () => app.log.lines.filter(({ message }) => message === 'request')
  const lastRequest = (): LogLine => {
    const line = requests().at(-1)
    assert.ok(line)
    return line
  }
  const metrics = async () => (await fetch(`${app.adminUrl}/metrics`)).text()

  test('a request is one line with everything about it', async () => {
    const body = { text: 'hello' }
    const reply = await ada.ask('POST /v1/notes', { body, headers: { 'x-request-id': 'req-1' } })
    const { time, durationMs, waitMs, databaseMs, phaseMs, traceId, ...line } = lastRequest()
    assert.deepEqual(line, {
      level: 'info',
      message: 'request',
      operation: 'notes.write-note',
      method: 'POST',
      route: '/v1/notes',
      status: 201,
      statements: line.statements,
      roundTrips: 2,
      retries: 0,
      replayed: false,
      tenant: 'acme',
      principal: ada.principal,
      requestId: 'req-1',
      bytesIn: JSON.stringify(body).length,
      bytesOut: reply.text.length,
    })
    assert.ok(Number(line.statements) > 5)
    const phases = phaseMs as Record<string, number>
    assert.ok(
      ['parse', 'run', 'commit'].every((phase) => (phases[phase] as number) >= 0),
      String(phases),
    )
    const total = Object.values(phases).reduce((sum, ms) => sum + ms, 0)
    assert.ok(total <= Number(durationMs) + 0.1, `${total} of ${durationMs}`)
    assert.ok(Number(databaseMs) > 0 && Number(waitMs) >= 0)
    assert.match(String(traceId), /^[0-9a-f]{32}$/)
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  test('a refusal has its problem, a replay says so, a failure is a warning', async () => {
    await ada.ask('POST /v1/notes', { body: { text: 1 } })
    assert.equal(requests().at(-1)?.problem, 'validation')
    const twice = { body: { text: 'twice' }, idempotencyKey: 'twice' }
    await ada.ask('POST /v1/notes', twice)
    await ada.ask('POST /v1/notes', twice)
    assert.equal(requests().at(-1)?.replayed, true)
    await ada.ask('POST /v1/notes', { body: { text: 'x', fail: 'bug' } })
    const { level, status, problem } = lastRequest()
    assert.deepEqual(
      { level, status, problem },
      { level: 'warn', status: 500, problem: 'internal' },
    )
  })

  test('an attempt at a job and a delivery are a line each, with the trace of the request', async () => {
    await app.settle()
    await ada.ask('POST /v1/notes', { body: { text: 'on' }, headers: { 'x-request-id': 'req-2' } })
    await app.settle()
    const told = app.log.lines.filter(({ requestId }) => requestId === 'req-2')
    const kinds = told.filter(({ level }) => level === 'info').map(({ message }) => message)
    assert.deepEqual(kinds.sort(), ['event', 'job', 'request'])
    assert.equal(new Set(told.map(({ traceId }) => traceId).filter(Boolean)).size, 1)
    const job = told.find(({ message }) => message === 'job')
    assert.deepEqual([job?.job, job?.attempt, job?.outcome], ['notes.print-note', 1, 'ok'])
    assert.ok(Number(job?.roundTrips) >= 1)
  })

  test('the metrics are Prometheus text, and count what was asked', async () => {
    const before = parseExposition(await metrics())
    const { id } = await ada.call(WriteNote, { text: 'counted' })
    await ada.call(ReadNote, { id })
    await ada.ask('GET /v1/nowhere')
    const now = parseExposition(await metrics())
    const grown = (name: string, labels: Record<string, string> = {}) =>
      sampled(now, name, labels) - sampled(before, name, labels)
    const duration = 'http_server_request_duration_seconds_count'
    assert.equal(grown(duration), 2)
    assert.equal(
      grown(duration, {
        operation: 'notes.read-note',
        http_request_method: 'GET',
        http_route: '/v1/notes/{id}',
        http_response_status_code: '200',
        error_type: '',
      }),
      1,
    )
    assert.equal(grown('holdfast_http_unrouted_requests_total', { error_type: 'not-found' }), 1)
    assert.equal(grown('holdfast_database_round_trips_total', { pool: 'api' }), 3)
    for (const name of [
      'holdfast_job_attempt_duration_seconds',
      'holdfast_event_delivery_duration_seconds',
      'db_client_connections',
      'nodejs_eventloop_delay_p99_seconds',
      'process_resident_memory_bytes',
    ])
      assert.ok(now.has(name), name)
  })

  test('Prometheus has nothing to complain of', {
    skip: spawnSync('promtool', ['--version']).error && 'no promtool here',
  }, async () => {
    await ada.call(WriteNote, { text: 'checked' })
    await app.settle()
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await metrics(),
      encoding: 'utf8',
    })
    assert.deepEqual([stdout, stderr, status], ['', '', 0])
  })

  test('what waits is told by queue and by subscription', async () => {
    await app.settle()
    await ada.call(WriteNote, { text: 'waits' })
    await app.running.loops.all.find(({ name }) => name === 'backlog')?.runOnce()
    const waiting = parseExposition(await metrics())
    assert.equal(sampled(waiting, 'holdfast_jobs_waiting', { queue: 'default' }), 1)
    assert.ok(sampled(waiting, 'holdfast_jobs_oldest_seconds', { queue: 'default' }) > 0)
    const behind = { subscription: 'notes.count-reader' }
    assert.equal(sampled(waiting, 'holdfast_subscription_lag_events', behind), 1)
    await app.settle()
    await app.running.loops.all.find(({ name }) => name === 'backlog')?.runOnce()
    const done = parseExposition(await metrics())
    assert.equal(sampled(done, 'holdfast_jobs_waiting', { queue: 'default' }), 0)
    assert.equal(sampled(done, 'holdfast_subscription_lag_events', behind), 0)
  })

  test('what this process remembers of a request is served on the admin port alone', async () => {
    const recent = await fetch(`${app.adminUrl}/recent/req-2`)
    const entries = (await recent.json()) as { kind: string }[]
    assert.deepEqual(entries.map(({ kind }) => kind).sort(), ['event', 'job', 'request'])
    assert.equal((await fetch(`${app.apiUrl}/recent/req-2`)).status, 404)
  })

  test('a secret in whatever comes in is in nothing that goes out', async () => {
    const canary = 'canary-7f3a9c'
    const sent = [
      { body: { text: canary, password: canary } },
      { body: { text: canary, fail: 'problem' } },
      { body: { text: canary, fail: 'constraint', unknown: canary } },
      { body: { text: `${canary} ${'x'.repeat(600)}` } },
      { body: { text: 'forbidden', password: canary } },
      { body: { text: canary, fail: 'sql' } },
      { body: { text: canary, fail: 'cast' } },
      {
        body: { text: canary },
        headers: { cookie: `session=${canary}`, 'x-request-id': `"${canary}"` },
      },
      { body: { text: canary }, idempotencyKey: canary },
      { body: { text: 'x' }, headers: { authorization: `Bearer ${canary}` } },
      { body: { text: 'x' }, headers: { authorization: `Basic ${canary}` } },
      { body: { text: 'x' }, headers: { traceparent: canary, tracestate: `k=${canary}!` } },
    ]
    for (const options of sent) {
      const { status, body } = await ada.ask('POST /v1/notes', options)
      if (status >= 400) assert.doesNotMatch(JSON.stringify(body), new RegExp(canary))
    }
    await ada.ask(`GET /v1/notes/${canary}?token=${canary}`)
    await ada.ask(`GET /nowhere/${canary}?token=${canary}`)
    await app.settle()
    const outputs = {
      log: app.log.text,
      metrics: await metrics(),
      spans: JSON.stringify(
        collected.spans.map(({ name, attributes, events, status }) => [
          name,
          attributes,
          events,
          status,
        ]),
      ),
    }
    for (const [name, text] of Object.entries(outputs)) {
      assert.ok(text.length > 100, name)
      const at = text.indexOf(canary)
      assert.equal(at, -1, `${name}: ${text.slice(Math.max(0, at - 200), at + 50)}`)
      const key = text.indexOf(ada.key)
      assert.equal(key, -1, `${name} holds the API key`)
    }
  })
})
