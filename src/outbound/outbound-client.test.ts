import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mock, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { systemClock } from '../base/clock.ts'
import { isFault } from '../base/fault.ts'
import { insideTransaction } from '../runtime/outbound-guard.ts'
import { deadlineAfter } from '../runtime/scope.ts'
import type { SpanShape, TraceSpan } from '../runtime/telemetry/tracing.ts'
import { parseTraceparent, traceContext } from '../runtime/trace-context.ts'
import { testClock } from '../testing/test-clock.ts'
import { testSignal } from '../testing/test-signal.ts'
import type { OutboundOptions } from './client-options.ts'
import { type CallScope, outbound } from './outbound-client.ts'
import { mayHaveTakenEffect } from './outbound-error.ts'
import { type OutboundEvent, onOutbound, outboundStates } from './outbound-event.ts'
import { type OutboundRoute, resolveRoute } from './route.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const ok: Answer = (_, response) => response.end('{"ok":true}')
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(code, headers).end('{}')
const reset: Answer = (request) => request.socket.resetAndDestroy()
const silent: Answer = () => {}

/** A dependency that answers by a script; its last line goes on for ever. */
async function dependency(t: TestContext, ...script: Answer[]) {
  const seen: IncomingMessage[] = []
  const arrived = testSignal<IncomingMessage>('request')
  const server = http.createServer((request, response) => {
    request.resume()
    const answer = script[Math.min(seen.length, script.length - 1)] as Answer
    seen.push(request)
    arrived.emit(request)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, seen, arrived, server }
}

const QUICK = { backoff: { baseMs: 1, capMs: 1 } }

function clientOf(t: TestContext, baseUrl: string, options: Partial<OutboundOptions> = {}) {
  const client = outbound.client({ name: 'pay', baseUrl, ...QUICK, ...options })
  t.after(() => client.close())
  return client
}

function scopeOf(facts: Partial<CallScope> & { readonly timeoutMs?: number } = {}): CallScope {
  const { timeoutMs = 20_000, clock = systemClock, ...rest } = facts
  const signal = new AbortController().signal
  const deadline = deadlineAfter(clock, timeoutMs)
  return { clock, signal, deadline, trace: traceContext(), ...rest }
}

const fails = (code: string, effect?: 'none' | 'unknown') => (error: unknown) => {
  assert.ok(isFault(error), String(error))
  assert.equal(error.code, code)
  if (effect !== undefined) {
    assert.equal(error.facts.effect, effect)
    assert.equal(mayHaveTakenEffect(error), effect === 'unknown')
  }
  return true
}

test('a call carries its key, its trace and the time that is left', async (t) => {
  const { url, seen } = await dependency(t, ok)
  const client = clientOf(t, `${url}/base/`, { timeoutMs: 60_000 })
  const scope = scopeOf({ timeoutMs: 9_000 })
  const reply = await client.request(scope, 'POST /v1/pay/{id}', {
    params: { id: 'a/b c' },
    query: { q: 'x&y' },
    key: 'k-1',
    body: { amount: 5 },
  })
  assert.deepEqual(await reply.json(z.object({ ok: z.boolean() })), { ok: true })
  const { headers, method, url: target } = seen[0] as IncomingMessage
  assert.equal(`${method} ${target}`, 'POST /base/v1/pay/a%2Fb%20c?q=x%26y')
  assert.equal(headers['idempotency-key'], 'k-1')
  assert.equal(headers['content-type'], 'application/json')
  const parent = parseTraceparent(String(headers.traceparent))
  assert.equal(parent?.traceId, scope.trace.traceId)
  assert.notEqual(parent?.spanId, scope.trace.spanId)
  const left = Number(headers['request-timeout'])
  assert.ok(left > 0 && left <= 9, `${left}`)
})

test('a keyed call is made again with the same key; one without is not', async (t) => {
  const { url, seen } = await dependency(t, status(503), reset, ok)
  const client = clientOf(t, url)
  const reply = await client.request(scopeOf(), 'POST /pay', { key: 'k', body: {} })
  assert.equal(reply.status, 200)
  assert.deepEqual(
    seen.map(({ headers }) => headers['idempotency-key']),
    ['k', 'k', 'k'],
  )
  const other = await dependency(t, reset, ok)
  const once = clientOf(t, other.url).request(scopeOf(), 'POST /pay', { body: {} })
  await assert.rejects(once, fails('HF_OUTBOUND_UNREACHABLE', 'unknown'))
  assert.equal(other.seen.length, 1)
})

test('what cannot have arrived is tried again, key or not, and says so', async (t) => {
  const gone = await dependency(t, ok)
  gone.server.close()
  await once(gone.server, 'close')
  const attempts: number[] = []
  t.after(onOutbound((event) => event.kind === 'attempt' && attempts.push(event.attempt)))
  const call = clientOf(t, gone.url).request(scopeOf(), 'POST /pay', { body: {} })
  await assert.rejects(call, fails('HF_OUTBOUND_UNREACHABLE', 'none'))
  assert.deepEqual(attempts, [1, 2, 3])
})

test('statuses are told apart: to be returned, to be repeated, to be thrown', async (t) => {
  for (const [code, times] of [
    [201, 1],
    [404, 1],
    [409, 1],
    [422, 1],
    [408, 3],
  ] as const) {
    const { url, seen } = await dependency(t, status(code))
    const reply = await clientOf(t, url).request(scopeOf(), 'PUT /a', { body: {} })
    assert.deepEqual([reply.status, seen.length], [code, times])
  }
  for (const [code, effect] of [
    [500, 'unknown'],
    [503, 'unknown'],
    [429, 'none'],
  ] as const) {
    const { url, seen } = await dependency(t, status(code))
    const call = clientOf(t, url).request(scopeOf(), 'GET /a')
    await assert.rejects(call, fails('HF_OUTBOUND_STATUS', effect))
    assert.equal(seen.length, 3)
  }
  const running = await dependency(t, status(409, { 'retry-after': '0' }), ok)
  const reply = await clientOf(t, running.url).request(scopeOf(), 'POST /a', { key: 'k' })
  assert.equal(reply.status, 200)
})

test('a redirect is not followed', async (t) => {
  const other = await dependency(t, ok)
  for (const code of [301, 302, 303, 307, 308]) {
    const { url } = await dependency(t, status(code, { location: `${other.url}/steal` }))
    const call = clientOf(t, url).request(scopeOf(), 'GET /a')
    await assert.rejects(call, fails('HF_OUTBOUND_REPLY'))
  }
  assert.equal(other.seen.length, 0)
})

test('a reply has a bound, must end, and must be what its schema says', async (t) => {
  const large = await dependency(t, (_, response) => response.end('x'.repeat(101)))
  const call = clientOf(t, large.url, { replyBytesMax: 100 }).request(scopeOf(), 'GET /a')
  await assert.rejects(call, fails('HF_OUTBOUND_REPLY'))
  const cut = await dependency(t, (request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('{', () => request.socket.destroy())
  })
  const short = clientOf(t, cut.url).request(scopeOf(), 'GET /a')
  await assert.rejects(short, fails('HF_OUTBOUND_UNREACHABLE', 'unknown'))
  for (const text of ['<html>', '{"a":1,"a":2}', '{"__proto__":{}}', '{"ok":"yes"}', '']) {
    const { url } = await dependency(t, (_, response) => response.end(text))
    const reply = await clientOf(t, url).request(scopeOf(), 'GET /a')
    await assert.rejects(reply.json(z.object({ ok: z.boolean() })), fails('HF_OUTBOUND_REPLY'))
  }
})

test('a silent dependency is left at the time of an attempt, and asked again', async (t) => {
  const { url, seen, arrived } = await dependency(t, silent, ok)
  const clock = testClock()
  const client = clientOf(t, url, { timeoutMs: 1_000 })
  const answer = client.request(scopeOf({ clock }), 'GET /a')
  await arrived.next()
  clock.advance(1_000)
  await t.waitFor(() => {
    clock.advance(1)
    assert.equal(seen.length, 2)
  })
  assert.equal((await answer).status, 200)
})

test('the deadline of the caller shortens the attempt, and forbids the next', async (t) => {
  const { url, seen, arrived } = await dependency(t, silent)
  const clock = testClock()
  const scope = scopeOf({ clock, timeoutMs: 300 })
  const answer = clientOf(t, url, { timeoutMs: 60_000 }).request(scope, 'GET /a')
  const rejected = assert.rejects(answer, fails('HF_OUTBOUND_TIMEOUT', 'unknown'))
  await arrived.next()
  clock.advance(300)
  await rejected
  assert.equal(seen.length, 1)
  const late = clientOf(t, url).request(scope, 'GET /a')
  await assert.rejects(late, fails('HF_DEADLINE_EXCEEDED'))
})

test('a caller that goes away takes its call along', async (t) => {
  const { url, arrived } = await dependency(t, silent)
  const caller = new AbortController()
  const answer = clientOf(t, url).request(scopeOf({ signal: caller.signal }), 'GET /a')
  const rejected = assert.rejects(answer, /gone/)
  const { socket } = await arrived.next()
  const closed = once(socket, 'close')
  caller.abort(new Error('gone'))
  await rejected
  await closed
})

test('a dependency that asks for a long pause is not waited for', async (t) => {
  const { url, seen } = await dependency(t, status(503, { 'retry-after': '3600' }))
  const scope = scopeOf({ timeoutMs: 1e9 })
  await assert.rejects(clientOf(t, url).request(scope, 'GET /a'), fails('HF_OUTBOUND_STATUS'))
  assert.equal(seen.length, 1)
})

test('retries end with their budget: a dead dependency sees a fifth more, not thrice as much', async (t) => {
  const { url, seen } = await dependency(t, status(429))
  const client = clientOf(t, url, { retryBudget: { percent: 20, tokensMax: 10 } })
  const refused: OutboundEvent[] = []
  t.after(onOutbound((event) => event.kind === 'refused' && refused.push(event)))
  for (let call = 0; call < 200; call++) await client.request(scopeOf(), 'GET /a').catch(() => {})
  const retries = seen.length - 200
  assert.ok(retries > 40 && retries <= 10 + 200 / 5, `${retries}`)
  assert.ok(refused.length > 0)
  assert.deepEqual(
    new Set(refused.map((event) => 'reason' in event && event.reason)),
    new Set(['budget']),
  )
})

test('the breaker opens on trouble alone, lets one call try, and closes again', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: 0 })
  t.after(() => mock.timers.reset())
  let answer: Answer = status(404)
  const { url, seen } = await dependency(t, (request, response) => answer(request, response))
  const breaker = { calls: 4, failurePercent: 50, openMs: 1_000 }
  const client = clientOf(t, url, { name: 'broken', attemptsMax: 1, breaker })
  const states: string[] = []
  t.after(onOutbound((event) => event.kind === 'breaker' && states.push(event.state)))
  const get = () => client.request(scopeOf(), 'GET /a')

  for (let call = 0; call < 8; call++) assert.equal((await get()).status, 404)
  answer = status(500)
  for (let call = 0; call < 2; call++) await assert.rejects(get(), fails('HF_OUTBOUND_STATUS'))
  assert.equal(client.state().breaker, 'open')
  const before = seen.length
  await assert.rejects(get(), fails('HF_OUTBOUND_OPEN', 'none'))
  assert.equal(seen.length, before)

  mock.timers.tick(1_000)
  await assert.rejects(get(), fails('HF_OUTBOUND_STATUS'))
  await assert.rejects(get(), fails('HF_OUTBOUND_OPEN'))
  mock.timers.tick(1_000)
  answer = ok
  assert.equal((await get()).status, 200)
  assert.deepEqual(states, ['open', 'half-open', 'open', 'half-open', 'closed'])
  assert.deepEqual(outboundStates().find((state) => state.client === 'broken')?.breaker, 'closed')
})

test('places are bounded; whoever waited runs in its own context', async (t) => {
  const held: ServerResponse[] = []
  const { url, arrived } = await dependency(t, (_, response) => held.push(response))
  const client = clientOf(t, url, { concurrencyMax: 1, waitingMax: 1 })
  const caller = new AsyncLocalStorage<string>()
  const contexts: (string | undefined)[] = []
  t.after(onOutbound((event) => event.kind === 'attempt' && contexts.push(caller.getStore())))
  const call = (name: string) => caller.run(name, () => client.request(scopeOf(), 'GET /a'))
  const first = call('first')
  await arrived.next()
  const second = call('second')
  await assert.rejects(call('third'), fails('HF_OUTBOUND_FULL', 'none'))
  assert.deepEqual([client.state().inFlight, client.state().waiting], [1, 1])
  held[0]?.end('{}')
  await first
  if (held.length < 2) await arrived.next()
  held[1]?.end('{}')
  await second
  assert.deepEqual(contexts, ['first', 'second'])
})

test('each attempt is a span of its own, and the one that the other side is told', async (t) => {
  const { url, seen } = await dependency(t, status(503), ok)
  const spans: Record<string, unknown>[] = []
  const spanOf = ({ name }: SpanShape, first: object = {}): TraceSpan => {
    const told: Record<string, unknown> = { name, ...first }
    spans.push(told)
    const trace = traceContext()
    return {
      trace,
      sampled: true,
      nowMs: () => 0,
      child: spanOf,
      run: (work) => work(),
      set: (more) => Object.assign(told, more),
      fail: (type) => Object.assign(told, { failed: type }),
      end: () => Object.assign(told, { traceparent: trace.traceparent }),
    }
  }
  const trace = { ...traceContext(), span: spanOf({ name: 'job', kind: 'consumer' }) }
  await clientOf(t, url).request(scopeOf({ trace }), 'GET /v1/a/{id}', { params: { id: 'secret' } })
  const [, first, second] = spans
  const common = {
    name: 'GET /v1/a/{id}',
    'http.request.method': 'GET',
    'url.template': '/v1/a/{id}',
  }
  const server = { 'server.address': '127.0.0.1', 'server.port': Number(new URL(url).port) }
  const [told, again] = seen.map(({ headers }) => headers.traceparent)
  const failed = { 'http.response.status_code': 503, failed: '503', traceparent: told }
  assert.deepEqual(first, { ...common, ...server, ...failed })
  const resent = { 'http.request.resend_count': 1, 'http.response.status_code': 200 }
  assert.deepEqual(second, { ...common, ...server, ...resent, traceparent: again })
})

test('a call inside a transaction is an error before anything is sent', async (t) => {
  const { url, seen } = await dependency(t, ok)
  const client = clientOf(t, url)
  await insideTransaction('shop.pay', () =>
    assert.rejects(client.request(scopeOf(), 'GET /a'), fails('HF_OUTBOUND_IN_TRANSACTION')),
  )
  assert.equal(seen.length, 0)
})

test('values never leave their segment', () => {
  const base = new URL('https://pay.example/v1')
  const value = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom('../x', '//evil', 'a?b', '%2e'),
  )
  fc.assert(
    fc.property(value, (id) => {
      fc.pre(id !== '.' && id !== '..' && id.isWellFormed())
      const { url } = resolveRoute(base, 'GET /a/{id}/b', { id })
      assert.equal(url.origin, base.origin)
      const segments = url.pathname.split('/')
      assert.deepEqual(
        [segments.length, segments[1], segments[2], segments[4]],
        [5, 'v1', 'a', 'b'],
      )
      assert.equal(decodeURIComponent(segments[3] as string), id)
    }),
  )
  for (const id of ['', '.', '..']) assert.throws(() => resolveRoute(base, 'GET /a/{id}', { id }))
  const wrong = ['GET //evil', 'GET /../a', 'GET /a?b', 'FETCH /a', 'GET /{toString}']
  for (const route of wrong) assert.throws(() => resolveRoute(base, route as OutboundRoute))
})

test('options are checked when the client is made', () => {
  const make = (options: object) => () =>
    outbound.client({ name: 'pay', baseUrl: 'http://a.test', ...options })
  for (const [options, complaint] of [
    [{ name: 'Pay' }, /kebab-case/],
    [{ baseUrl: 'ftp://a.test' }, /baseUrl must be/],
    [{ baseUrl: 'http://user:secret@a.test' }, /without user, password/],
    [{ timeoutMs: 0 }, /timeoutMs is 0/],
    [{ retries: 3 }, /"retries" is unknown/],
    [{ breaker: { threshold: 1 } }, /"threshold" is unknown/],
    [{ retryBudget: { percent: 101 } }, /retryBudget.percent is 101/],
  ] as const)
    assert.throws(make(options), complaint)
})
