import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createLog } from '../../src/runtime/log.ts'
import { json, KEY, type ProtocolServer, protocolServer } from './protocol-app.ts'
import { exchange, RawConnection, type RawReply } from './raw-client.ts'

const LINE_FEED = 'a\r\nx-injected: 1'
const lines: string[] = []
let app: ProtocolServer

before(async () => {
  app = await protocolServer({
    log: createLog({ level: 'error', write: (line) => lines.push(line) }),
    config: { corsOrigins: ['https://shop.example'], trustedProxies: 1, bodyBytesMax: 100_000 },
    execute: async (operation, { input, scope }) => {
      const value = (input.ok ? input.value : {}) as { id?: string; note?: string; cursor?: string }
      if (value.id === 'bug') throw new Error('a secret of the house')
      if (value.id === 'inject') return json(200, {}, { 'x-a': LINE_FEED })
      if (operation.name === 'ordering.get-order')
        return json(200, { id: value.id }, { etag: `"${value.id}"` })
      if (operation.name === 'ordering.list-orders')
        return json(200, {
          data: [{ id: '"next_cursor":"no"' }],
          next_cursor: value.cursor ? null : 'a+/b=',
        })
      return { ...json(201, { id: 'ord_1' }), replayed: scope.idempotencyKey === 'again' }
    },
  })
})
after(() => app[Symbol.asyncDispose]())

const AUTH = `Host: localhost\r\nAuthorization: Bearer ${KEY}\r\n`

function get(target: string, extra = '', method = 'GET'): Promise<RawReply | undefined> {
  return exchange(
    app.port,
    `${method} ${target} HTTP/1.1\r\n${AUTH}${extra}Connection: close\r\n\r\n`,
  )
}

function postBytes(body: string, extra = ''): string {
  return `POST /v1/orders HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

function asked() {
  const last = app.asked.at(-1)
  assert.ok(last)
  return last
}

test('path and body become one input, with the raw bytes beside it', async () => {
  const body = '{ "note": "tea" }'
  const reply = await exchange(
    app.port,
    `PUT /v1/orders/a%20b HTTP/1.1\r\n${AUTH}Content-Type: application/json; charset=UTF-8\r\nIf-Match: "7"\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  assert.equal(reply?.status, 201)
  const { operation, value, rawInput, ifMatch } = asked()
  assert.equal(operation, 'ordering.update-order')
  assert.deepEqual(value, { id: 'a b', note: 'tea' })
  assert.equal(rawInput, `PUT /v1/orders/a%20b\n${body}`)
  assert.equal(ifMatch, '7')
})

test('query values are read by the schema', async () => {
  await get('/v1/orders?limit=5&cursor=a%2Bb+c')
  assert.deepEqual(asked().value, { limit: 5, cursor: 'a+b c' })
  await get('/v1/orders/1?expand=lines&expand=tags')
  assert.deepEqual(asked().value, { id: '1', expand: ['lines', 'tags'] })
})

test('a body may be missing, chunked, or come in pieces', async () => {
  assert.equal((await exchange(app.port, `POST /v1/orders HTTP/1.1\r\n${AUTH}\r\n`))?.status, 201)
  assert.deepEqual(asked().value, {})
  const chunked = `POST /v1/orders HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"not\r\n9;a=b\r\ne":"tea"}\r\n0\r\nX-Trailer: a\r\n\r\n`
  const connection = new RawConnection(app.port)
  for (const byte of Buffer.from(chunked)) connection.write(Uint8Array.of(byte))
  assert.equal((await connection.reply())?.status, 201)
  assert.deepEqual(asked().value, { note: 'tea' })
  connection.socket.destroy()
})

test('the scope says who asks, for which tenant, until when', async () => {
  await exchange(app.port, postBytes('{}', 'Idempotency-Key: "a-\\"b"\r\n'))
  const { scope } = asked()
  assert.equal(scope.tenant, 'acme')
  assert.equal(scope.principal.id, 'key_1')
  assert.deepEqual(scope.credential, { kind: 'api-key', id: 'key_1' })
  assert.equal(scope.idempotencyKey, 'a-"b')
  await exchange(app.port, postBytes('{}', 'Idempotency-Key: bare\r\nRequest-Timeout: 2.5\r\n'))
  assert.equal(asked().scope.idempotencyKey, 'bare')
  const remainingMs = asked().scope.deadline.remainingMs()
  assert.ok(remainingMs > 0 && remainingMs <= 2500, `${remainingMs} ms`)
  await exchange(app.port, postBytes('{}', 'Request-Timeout: 9999999\r\n'))
  assert.ok(asked().scope.deadline.remainingMs() <= 60_000, 'bounded by the maximum')
})

test('the caller behind a trusted proxy is the last that it names', async () => {
  await get('/v1/orders', 'X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n')
  assert.equal(asked().address, '2.2.2.2')
  await get('/v1/orders')
  assert.equal(asked().address, '127.0.0.1')
})

test('a trace goes on; a broken one starts anew', async () => {
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const reply = await get('/v1/orders', `traceparent: ${parent}\r\ntracestate: a=b\r\n`)
  const { trace } = asked().scope
  assert.equal(trace.traceId, '0af7651916cd43dd8448eb211c80319c')
  assert.equal(trace.parentSpanId, 'b7ad6b7169203331')
  assert.equal(trace.tracestate, 'a=b')
  assert.equal(reply?.headers.get('traceparent'), trace.traceparent)
  await get('/v1/orders', `traceparent: ${parent}-\r\n`)
  assert.notEqual(asked().scope.trace.traceId, '0af7651916cd43dd8448eb211c80319c')
})

test('a usable request id comes back, another is replaced', async () => {
  const kept = await get('/v1/orders', 'X-Request-Id: abc-1:2.3\r\n')
  assert.equal(kept?.headers.get('x-request-id'), 'abc-1:2.3')
  assert.equal(asked().scope.requestId, 'abc-1:2.3')
  for (const bad of ['a b', '<a>', '', 'a'.repeat(129), 'a\r\nX-Request-Id: b']) {
    const reply = await get('/v1/orders', `X-Request-Id: ${bad}\r\n`)
    assert.match(reply?.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
  }
})

test('HEAD answers as GET does, without a body', async () => {
  for (const target of [
    '/v1/orders/1',
    '/v1/orders',
    '/health/live',
    '/v1/orders/bug',
    '/v1/nothing',
  ]) {
    const head = new RawConnection(app.port)
    head.write(`HEAD ${target} HTTP/1.1\r\n${AUTH}Connection: close\r\n\r\n`)
    const reply = await head.reply({ head: true })
    assert.equal(await head.end(), '', 'no body')
    const same = await get(target)
    assert.equal(reply?.status, same?.status)
    assert.deepEqual(stable(reply), stable(same))
  }
})

function stable(reply: RawReply | undefined): [string, string][] {
  const changing = ['x-request-id', 'traceparent', 'date']
  return [...(reply?.headers ?? [])].filter(([name]) => !changing.includes(name))
}

test('If-None-Match answers 304 without a body', async () => {
  for (const tag of ['"1"', 'W/"1"', '"0", "1"', '*']) {
    const reply = await get('/v1/orders/1', `If-None-Match: ${tag}\r\n`)
    assert.equal(reply?.status, 304, tag)
    assert.equal(reply?.headers.get('etag'), '"1"')
    assert.equal(reply?.headers.get('content-length'), undefined)
  }
  for (const tag of ['"2"', '1', '"1', ''])
    assert.equal((await get('/v1/orders/1', `If-None-Match: ${tag}\r\n`))?.status, 200, tag)
})

test('a page links to the next with its own filters', async () => {
  const first = await get('/v1/orders?limit=2&cursor=')
  assert.equal(first?.headers.get('link'), '</v1/orders?limit=2&cursor=a%2B%2Fb%3D>; rel="next"')
  const last = await get('/v1/orders?cursor=a')
  assert.equal(last?.headers.get('link'), undefined)
})

test('a stored reply says that it is one', async () => {
  const reply = await exchange(app.port, postBytes('{}', 'Idempotency-Key: again\r\n'))
  assert.equal(reply?.headers.get('idempotency-replayed'), 'true')
})

test('a bug is answered 500 and told to the log alone', async () => {
  for (const id of ['bug', 'inject']) {
    lines.length = 0
    const reply = await get(`/v1/orders/${id}`, '', 'DELETE')
    assert.equal(reply?.status, 500, id)
    assert.equal(reply?.headers.get('x-injected'), undefined)
    assert.equal(JSON.parse(reply?.body ?? '').code, 'internal')
    assert.doesNotMatch(reply?.body ?? '', /secret|Error/)
    assert.equal(lines.length, 1)
    assert.equal(JSON.parse(lines[0] ?? '').requestId, reply?.headers.get('x-request-id'))
  }
})

test('every reply is guarded against browsers', async () => {
  for (const target of ['/v1/orders', '/v1/nothing', '/health/live', '/raw/%41', '/files/a/b']) {
    const headers = (await get(target))?.headers
    assert.equal(headers?.get('x-content-type-options'), 'nosniff')
    assert.match(headers?.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
    assert.equal(headers?.get('referrer-policy'), 'no-referrer')
    assert.equal(headers?.get('cache-control'), 'no-store')
    assert.equal(headers?.get('strict-transport-security'), undefined)
    assert.equal(headers?.get('x-powered-by'), undefined)
  }
})

test('browsers are told to insist on TLS where there is TLS', async () => {
  await using behind = await protocolServer({ config: { behindTls: true } })
  const reply = await exchange(behind.port, 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.match(reply?.headers.get('strict-transport-security') ?? '', /^max-age=\d{8}$/)
  const unreadable = await exchange(behind.port, 'rubbish\r\n\r\n')
  assert.ok(unreadable?.headers.has('strict-transport-security'))
})

test('other origins are allowed by name only', async () => {
  const allowed = await get('/v1/orders', 'Origin: https://shop.example\r\n')
  assert.equal(allowed?.headers.get('access-control-allow-origin'), 'https://shop.example')
  assert.equal(allowed?.headers.get('vary'), 'Origin')
  assert.equal(allowed?.headers.get('access-control-allow-credentials'), undefined)
  for (const origin of ['https://evil.example', 'https://shop.example.evil', 'null']) {
    const other = await get('/v1/orders', `Origin: ${origin}\r\n`)
    assert.equal(other?.headers.get('access-control-allow-origin'), undefined, origin)
    assert.equal(other?.headers.get('vary'), 'Origin')
  }
})

test('a preflight is answered for allowed origins and methods', async () => {
  const ask = (origin: string, method: string) =>
    get(
      '/v1/orders',
      `Origin: ${origin}\r\nAccess-Control-Request-Method: ${method}\r\n`,
      'OPTIONS',
    )
  const yes = await ask('https://shop.example', 'POST')
  assert.equal(yes?.status, 204)
  assert.equal(yes?.headers.get('access-control-allow-origin'), 'https://shop.example')
  assert.match(yes?.headers.get('access-control-allow-headers') ?? '', /idempotency-key/)
  const methods = (reply: RawReply | undefined) =>
    reply?.headers.get('access-control-allow-methods')
  assert.equal(methods(yes), 'GET, HEAD, POST')
  assert.equal(methods(await ask('https://evil.example', 'POST')), undefined)
  assert.equal(methods(await ask('https://shop.example', 'DELETE')), undefined)
  const plain = await get('/v1/orders', '', 'OPTIONS')
  assert.equal(plain?.status, 204)
  assert.equal(plain?.headers.get('allow'), 'GET, HEAD, POST, OPTIONS')
  assert.equal((await get('/v1/nothing', '', 'OPTIONS'))?.status, 404)
  assert.equal((await get('*', '', 'OPTIONS'))?.status, 204)
})

test('the absolute form and HTTP/1.0 are served', async () => {
  assert.equal((await get('http://localhost/v1/orders/1'))?.status, 200)
  assert.equal((await get('HTTP://localhost:1/v1/orders?limit=1'))?.status, 200)
  const old = await exchange(
    app.port,
    `GET /v1/orders HTTP/1.0\r\nAuthorization: Bearer ${KEY}\r\n\r\n`,
  )
  assert.equal(old?.status, 200)
  assert.equal(old?.headers.get('connection'), 'close')
})

test('who waits for 100 Continue gets it, or the refusal in its place', async () => {
  const expect =
    'Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n'
  const willing = new RawConnection(app.port)
  willing.write(`POST /v1/orders HTTP/1.1\r\n${AUTH}${expect}`)
  assert.equal((await willing.reply())?.status, 100)
  willing.write('{}')
  assert.equal((await willing.reply())?.status, 201)
  willing.socket.destroy()
  const refused = new RawConnection(app.port)
  refused.write(`POST /v1/orders HTTP/1.1\r\nHost: a\r\n${expect}`)
  assert.equal((await refused.reply())?.status, 401)
  assert.equal(await refused.end(), '', 'the connection ends: the body may or may not follow')
})

test('a refusal leaves a connection with a short body usable', async () => {
  const connection = new RawConnection(app.port)
  connection.write(postBytes('{}').replace(KEY, 'wrong'))
  assert.equal((await connection.reply())?.status, 401)
  connection.write(postBytes('{"note":1,}'))
  assert.equal((await connection.reply())?.status, 400)
  connection.write(postBytes('{}'))
  assert.equal((await connection.reply())?.status, 201)
  connection.socket.destroy()
})

test('whoever sends far too much still reads the refusal', async () => {
  const connection = new RawConnection(app.port)
  const length = 3_000_000
  connection.write(
    `POST /v1/orders HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
  )
  for (let sent = 0; sent < length; sent += 100_000) connection.write('a'.repeat(100_000))
  const reply = await connection.reply()
  assert.equal(reply?.status, 413)
  assert.equal(reply?.headers.get('connection'), 'close')
  assert.equal(await connection.end(), '')
})

test('a sender that goes away in the middle of its body harms nobody', async () => {
  const before = app.asked.length
  const connection = new RawConnection(app.port)
  connection.write(postBytes('{"note":"tea"}').slice(0, -4))
  const closed = new Promise((resolve) => connection.socket.once('close', resolve))
  connection.socket.destroy()
  await closed
  assert.equal((await get('/v1/orders'))?.status, 200)
  assert.equal(app.asked.length, before + 1)
})

test('requests in a row on one connection are answered in order', async () => {
  const connection = new RawConnection(app.port)
  const targets = ['/v1/orders/1', '/v1/nothing', '/v1/orders/2', '/health/live', '/v1/orders/3']
  connection.write(targets.map((target) => `GET ${target} HTTP/1.1\r\n${AUTH}\r\n`).join(''))
  const etags: unknown[] = []
  for (const _ of targets) {
    const reply = await connection.reply()
    etags.push(reply?.headers.get('etag') ?? reply?.status)
  }
  assert.deepEqual(etags, ['"1"', 404, '"2"', 200, '"3"'])
  connection.socket.destroy()
})

test('rubbish after a good request is answered after it, and ends the connection', async () => {
  const connection = new RawConnection(app.port)
  connection.write(`${postBytes('{}')}rubbish\r\n\r\n`)
  assert.equal((await connection.reply())?.status, 201)
  assert.equal((await connection.reply())?.status, 400)
  assert.equal(await connection.end(), '')
})

test('a body longer than announced is a request of its own, and a bad one', async () => {
  const connection = new RawConnection(app.port)
  connection.write(`${postBytes('{}')}{"note":"smuggled"}`)
  assert.equal((await connection.reply())?.status, 201)
  assert.equal((await connection.reply())?.status, 400)
})
