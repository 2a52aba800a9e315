import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pause, systemClock } from '../../src/base/clock.ts'
import { isFault } from '../../src/base/fault.ts'
import type { Reply } from '../../src/operation/reply.ts'
import type { Scope } from '../../src/runtime/scope.ts'
import { json, KEY, type ProtocolServer, protocolServer } from './protocol-app.ts'
import { exchange, RawConnection } from './raw-client.ts'

const AUTH = `Host: localhost\r\nAuthorization: Bearer ${KEY}\r\n`
const GET = `GET /v1/orders HTTP/1.1\r\n${AUTH}\r\n`

/** A server whose operations wait for the test. */
async function heldServer(config: Parameters<typeof protocolServer>[0] = {}) {
  const arrivals: { scope: Scope; answer: (reply: Reply) => void }[] = []
  const waiting: ((value: (typeof arrivals)[number]) => void)[] = []
  const app = await protocolServer({
    ...config,
    execute: (_operation, { scope }) => {
      const { promise, resolve: answer } = Promise.withResolvers<Reply>()
      const arrival = { scope, answer }
      const taker = waiting.shift()
      if (taker === undefined) arrivals.push(arrival)
      else taker(arrival)
      return promise
    },
  })
  const next = (): Promise<(typeof arrivals)[number]> => {
    const arrival = arrivals.shift()
    return arrival === undefined
      ? new Promise((resolve) => waiting.push(resolve))
      : Promise.resolve(arrival)
  }
  return { app, next }
}

async function dispose(app: ProtocolServer): Promise<void> {
  await app[Symbol.asyncDispose]()
}

function abortOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}

test('headers that stall are answered 408', async () => {
  await using app = await protocolServer({
    config: { headersTimeoutMs: 200, receiveTimeoutMs: 400 },
  })
  const connection = new RawConnection(app.port)
  connection.write('GET /v1/orders HTTP/1.1\r\nHost: a\r\nX-A')
  const reply = await connection.reply()
  assert.equal(reply?.status, 408)
  assert.equal(JSON.parse(reply?.body ?? '').code, 'request-timeout')
  assert.equal(await connection.end(), '')
})

test('a body that stalls is answered 408', async () => {
  await using app = await protocolServer({
    config: { headersTimeoutMs: 200, receiveTimeoutMs: 400 },
  })
  const connection = new RawConnection(app.port)
  connection.write(
    `POST /v1/orders HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a`,
  )
  const reply = await connection.reply()
  assert.equal(reply?.status, 408)
  assert.equal(JSON.parse(reply?.body ?? '').code, 'request-timeout')
  assert.equal(app.asked.length, 0)
})

test('a connection that says nothing is closed', async () => {
  await using app = await protocolServer({
    config: { headersTimeoutMs: 200, receiveTimeoutMs: 400 },
  })
  const connection = new RawConnection(app.port)
  const rest = await connection.end()
  assert.ok(rest === '' || rest.startsWith('HTTP/1.1 408'), rest)
})

test('an idle connection is closed after its time', async () => {
  await using app = await protocolServer({ config: { keepAliveTimeoutMs: 50 } })
  const connection = new RawConnection(app.port)
  connection.write(GET)
  assert.equal((await connection.reply())?.status, 200)
  assert.equal(await connection.end(), '')
})

test('the signal aborts when the caller goes away', async () => {
  const { app, next } = await heldServer()
  const connection = new RawConnection(app.port)
  connection.write(GET)
  const { scope, answer } = await next()
  const aborted = abortOf(scope.signal)
  connection.socket.destroy()
  assert.ok(isFault(await aborted, 'HF_CANCELLED'))
  answer(json(200, {}))
  await dispose(app)
})

test('the signal aborts at the deadline that the caller asked for', async () => {
  const { app, next } = await heldServer()
  const connection = new RawConnection(app.port)
  connection.write(GET.replace(/\r\n$/, 'Request-Timeout: 0.05\r\n\r\n'))
  const { scope, answer } = await next()
  assert.ok(isFault(await abortOf(scope.signal), 'HF_DEADLINE_EXCEEDED'))
  assert.equal(scope.deadline.remainingMs(), 0)
  answer(json(200, {}))
  assert.equal((await connection.reply())?.status, 200)
  connection.socket.destroy()
  await dispose(app)
})

test('a request that has been answered never aborts', async () => {
  const { app, next } = await heldServer()
  const connection = new RawConnection(app.port)
  connection.write(GET)
  const { scope, answer } = await next()
  const { signal } = scope
  answer(json(200, {}))
  await connection.reply()
  connection.socket.destroy()
  await dispose(app)
  assert.equal(signal.aborted, false)
})

test('what does not fit is refused before its body is read', async () => {
  const { app, next } = await heldServer({ config: { inFlightMax: 1 } })
  const first = new RawConnection(app.port)
  first.write(GET)
  const { answer } = await next()
  const head = `POST /v1/orders HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n`
  const refused = await exchange(app.port, head)
  assert.equal(refused?.status, 503)
  assert.match(refused?.headers.get('retry-after') ?? '', /^[123]$/)
  assert.equal(JSON.parse(refused?.body ?? '').code, 'unavailable')
  assert.equal(
    (await exchange(app.port, 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n'))?.status,
    200,
  )
  answer(json(200, {}))
  assert.equal((await first.reply())?.status, 200)
  first.write(GET)
  const second = await next()
  second.answer(json(200, {}))
  assert.equal((await first.reply())?.status, 200)
  first.socket.destroy()
  await dispose(app)
})

test('slow senders hold no place', async () => {
  const { app, next } = await heldServer({ config: { inFlightMax: 1 } })
  const slow = new RawConnection(app.port)
  slow.write(
    `POST /v1/orders HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
  )
  assert.equal((await slow.reply())?.status, 100, 'its body is being read')
  const quick = new RawConnection(app.port)
  quick.write(GET)
  const { answer } = await next()
  answer(json(200, {}))
  assert.equal((await quick.reply())?.status, 200)
  slow.socket.destroy()
  quick.socket.destroy()
  await dispose(app)
})

test('a connection ends after its share of requests', async () => {
  await using app = await protocolServer({ config: { requestsPerConnectionMax: 2 } })
  const connection = new RawConnection(app.port)
  connection.write(GET)
  assert.equal((await connection.reply())?.headers.get('connection'), 'keep-alive')
  connection.write(GET)
  assert.equal((await connection.reply())?.headers.get('connection'), 'close')
  assert.equal(await connection.end(), '')
})

test('connections beyond the maximum are dropped', async () => {
  await using app = await protocolServer({ config: { connectionsMax: 1 } })
  const first = new RawConnection(app.port)
  first.write(GET)
  assert.equal((await first.reply())?.status, 200)
  const second = new RawConnection(app.port)
  assert.equal(await second.end(), '')
  assert.ok(app.server.metrics().includes('holdfast_http_connections_dropped_total 1'))
  first.write(GET)
  assert.equal((await first.reply())?.status, 200)
  first.socket.destroy()
})

test('draining: readiness fails, replies close their connections, new ones are still taken', async () => {
  await using app = await protocolServer()
  const connection = new RawConnection(app.port)
  connection.write(GET)
  assert.equal((await connection.reply())?.headers.get('connection'), 'keep-alive')
  app.health.drain()
  app.server.drain()
  connection.write(GET)
  const last = await connection.reply()
  assert.equal(last?.status, 200)
  assert.equal(last?.headers.get('connection'), 'close')
  assert.equal(await connection.end(), '')
  const ready = await exchange(app.port, 'GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal(ready?.status, 503)
  assert.equal(ready?.headers.get('content-type'), 'application/health+json')
  assert.equal(JSON.parse(ready?.body ?? '').status, 'fail')
  assert.equal((await exchange(app.port, GET))?.status, 200)
})

test('stopping waits for what is under way, and refuses what is new', async () => {
  const { app, next } = await heldServer()
  const busy = new RawConnection(app.port)
  busy.write(GET)
  const { answer } = await next()
  const idle = new RawConnection(app.port)
  idle.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')
  await idle.reply()
  let stopped = false
  const stopping = app.server.stop(10_000).then(() => {
    stopped = true
  })
  assert.equal(await idle.end(), '', 'idle connections are closed')
  assert.equal(await exchange(app.port, GET), undefined, 'new ones are refused')
  assert.equal(stopped, false)
  answer(json(200, {}))
  const reply = await busy.reply()
  assert.equal(reply?.status, 200)
  assert.equal(reply?.headers.get('connection'), 'close')
  await stopping
  await app.server.stop(0)
})

test('stopping cuts what does not end in time', async () => {
  const { app, next } = await heldServer()
  const connection = new RawConnection(app.port)
  connection.write(GET)
  const { scope } = await next()
  const aborted = abortOf(scope.signal)
  await app.server.stop(20)
  assert.ok(isFault(await aborted, 'HF_CANCELLED'))
  assert.equal(await connection.reply(), undefined)
})

test('a reader that does not read keeps no more than its own reply waiting', async () => {
  const body = 'a'.repeat(2_000_000)
  await using app = await protocolServer({ execute: async () => json(200, { body }) })
  const slow = new RawConnection(app.port)
  slow.socket.pause()
  slow.write(GET.repeat(50))
  await pause(systemClock, 0)
  assert.equal(
    (await exchange(app.port, 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n'))?.status,
    200,
  )
  slow.socket.destroy()
})

test('a long pipeline that listens for its caller warns nobody', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  const { app, next } = await heldServer()
  const connection = new RawConnection(app.port)
  connection.write(GET.repeat(30))
  const held = await Promise.all(Array.from({ length: 30 }, () => next()))
  for (const { scope } of held) assert.equal(scope.signal.aborted, false)
  for (const { answer } of held.reverse()) answer(json(200, {}))
  for (let count = 0; count < 30; count++) assert.equal((await connection.reply())?.status, 200)
  connection.socket.destroy()
  await dispose(app)
  process.off('warning', onWarning)
  assert.deepEqual(warnings, [])
})
