import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { KEY, type ProtocolServer, protocolServer } from './protocol-app.ts'
import { RawConnection } from './raw-client.ts'

let app: ProtocolServer
before(async () => {
  app = await protocolServer({ config: { bodyBytesMax: 1000, headerBytesMax: 4096 } })
})
after(() => app[Symbol.asyncDispose]())

const AUTH = `Host: localhost\r\nAuthorization: Bearer ${KEY}\r\n`
const BODY = '{"note":"tea","lines":[{"sku":"a","quantity":1}]}'
const seeds = [
  `GET /v1/orders/1?expand=a HTTP/1.1\r\n${AUTH}If-None-Match: "1"\r\n\r\n`,
  `POST /v1/orders HTTP/1.1\r\n${AUTH}Idempotency-Key: "a"\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  `POST /v1/orders HTTP/1.1\r\n${AUTH}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
]

/** What breaks parsers: line ends, separators, numbers, braces, bytes of no text. */
const pieces = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\\',
  '\0',
  '%',
  '%00',
  '%2f',
  '\xff',
  '{',
  '[',
  '0',
  '-1',
  '999999999999',
  'chunked',
  '\u00e9'.repeat(3),
]

const mutation = fc.record({
  at: fc.nat(),
  cut: fc.integer({ min: 0, max: 12 }),
  put: fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 4 })),
})
const request = fc
  .record({ seed: fc.constantFrom(...seeds), mutations: fc.array(mutation, { maxLength: 4 }) })
  .map(({ seed, mutations }) => {
    let bytes = Buffer.from(seed, 'latin1')
    for (const { at, cut, put } of mutations) {
      const start = at % (bytes.length + 1)
      bytes = Buffer.concat([
        bytes.subarray(0, start),
        Buffer.from(put, 'latin1'),
        bytes.subarray(start + cut),
      ])
    }
    return bytes
  })

test('whatever is sent: problems or results, no 5xx, and the connection ends with its sender', async () => {
  await fc.assert(
    fc.asyncProperty(request, async (bytes) => {
      const connection = new RawConnection(app.port)
      connection.write(bytes)
      connection.socket.end()
      for (;;) {
        const reply = await connection.reply()
        if (reply === undefined) break
        assert.ok(reply.status < 500, `${reply.status} ${reply.body}`)
        const expected = reply.status >= 400 ? 'application/problem+json' : 'application/json'
        if (reply.status >= 200 && reply.status !== 204 && reply.status !== 304)
          assert.equal(reply.headers.get('content-type'), expected)
        if (reply.status >= 400) assert.equal(JSON.parse(reply.body).status, reply.status)
      }
      assert.equal(await connection.end(), '', 'nothing but whole replies')
    }),
    { numRuns: 1500 },
  )
  assert.equal(Object.keys(Object.prototype).length, 0)
  assert.equal(({} as Record<string, unknown>).note, undefined)
})

test('stopping does not wait for connections that have said nothing', async () => {
  const server = await protocolServer()
  const silent = new RawConnection(server.port)
  await new Promise((resolve) => silent.socket.once('connect', resolve))
  const talking = new RawConnection(server.port)
  talking.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n')
  await talking.reply()
  await server.server.stop(60_000)
  assert.equal(await silent.end(), '')
})
