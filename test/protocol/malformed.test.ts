import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KEY, type ProtocolServer, protocolServer } from './protocol-app.ts'
import { exchange, type RawReply } from './raw-client.ts'

let app: ProtocolServer
before(async () => {
  app = await protocolServer({ config: { bodyBytesMax: 4096, headerBytesMax: 8192 } })
})
after(() => app[Symbol.asyncDispose]())

/** [what, bytes, status, code] */
type Case = readonly [string, string | Uint8Array, number, string]

const AUTH = `Host: localhost\r\nAuthorization: Bearer ${KEY}\r\n`
const JSON_TYPE = 'Content-Type: application/json\r\n'
const IDEMPOTENCY = 'Idempotency-Key: "k-1"\r\n'

function get(target: string, extra = ''): string {
  return `GET ${target} HTTP/1.1\r\n${AUTH}${extra}\r\n`
}

function post(body: string, extra = JSON_TYPE, target = '/v1/orders'): Buffer {
  const bytes = Buffer.from(body)
  const head = `POST ${target} HTTP/1.1\r\n${AUTH}${IDEMPOTENCY}${extra}Content-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes])
}

function raw(head: string, body = ''): string {
  return `${head}\r\n${AUTH}${IDEMPOTENCY}${JSON_TYPE}${body}`
}

function nested(depth: number): string {
  return `{"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`
}

const framing: readonly Case[] = [
  [
    'CL and TE',
    raw(
      'POST /v1/orders HTTP/1.1',
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ),
    400,
    'malformed',
  ],
  [
    'TE and CL',
    raw(
      'POST /v1/orders HTTP/1.1',
      'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
    ),
    400,
    'malformed',
  ],
  [
    'two lengths',
    raw('POST /v1/orders HTTP/1.1', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x'),
    400,
    'malformed',
  ],
  [
    'the same length twice',
    raw('POST /v1/orders HTTP/1.1', 'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}'),
    400,
    'malformed',
  ],
  [
    'a list of lengths',
    raw('POST /v1/orders HTTP/1.1', 'Content-Length: 2, 2\r\n\r\n{}'),
    400,
    'malformed',
  ],
  [
    'a signed length',
    raw('POST /v1/orders HTTP/1.1', 'Content-Length: +2\r\n\r\n{}'),
    400,
    'malformed',
  ],
  [
    'a hexadecimal length',
    raw('POST /v1/orders HTTP/1.1', 'Content-Length: 0x2\r\n\r\n{}'),
    400,
    'malformed',
  ],
  [
    'a length beyond all numbers',
    raw('POST /v1/orders HTTP/1.1', `Content-Length: ${'9'.repeat(30)}\r\n\r\n{}`),
    400,
    'malformed',
  ],
  [
    'xchunked',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'chunked not last',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'a coding before chunked',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'chunked twice',
    raw(
      'POST /v1/orders HTTP/1.1',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ),
    400,
    'malformed',
  ],
  [
    'TE in HTTP/1.0',
    raw('POST /v1/orders HTTP/1.0', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'a space before the colon',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  ['a bare LF in the head', `GET /v1/orders HTTP/1.1\nHost: localhost\n\n`, 400, 'malformed'],
  ['a bare CR in a value', get('/v1/orders', 'X-A: a\rb\r\n'), 400, 'malformed'],
  ['a NUL in a value', get('/v1/orders', 'X-A: a\0b\r\n'), 400, 'malformed'],
  ['a folded line', get('/v1/orders', 'X-A: a\r\n b\r\n'), 400, 'malformed'],
  ['a field without name', get('/v1/orders', ': b\r\n'), 400, 'malformed'],
  ['a field without colon', get('/v1/orders', 'nonsense\r\n'), 400, 'malformed'],
  [
    'a chunk size that is none',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'a chunk size beyond all numbers',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}'),
    400,
    'malformed',
  ],
  [
    'a chunk longer than said',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'a bare LF after a chunk size',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  [
    'a bare LF in a chunk extension',
    raw('POST /v1/orders HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\n2;a\n{}\r\n0\r\n\r\n'),
    400,
    'malformed',
  ],
  ['no Host', 'GET /v1/orders HTTP/1.1\r\n\r\n', 400, 'malformed'],
  ['two Hosts', 'GET /v1/orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'malformed'],
  [
    'the same Host twice',
    'GET /v1/orders HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
    400,
    'malformed',
  ],
  ['a Host with a path', 'GET /v1/orders HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'malformed'],
  ['a method that is none', 'GE(T /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['a lower-case method', 'get /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['an unknown method', 'BREW /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed'],
  ['HTTP/3.0', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n', 400, 'malformed'],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400, 'malformed'],
  ['TLS on the plain port', Buffer.from('16030100a50100', 'hex'), 400, 'malformed'],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'malformed'],
  [
    'headers too large',
    get('/v1/orders', `X-A: ${'a'.repeat(9000)}\r\n`),
    431,
    'headers-too-large',
  ],
  ['a target too large', get(`/v1/orders?a=${'a'.repeat(9000)}`), 431, 'headers-too-large'],
  ['an expectation', get('/v1/orders', 'Expect: tea\r\n'), 417, 'expectation-failed'],
]

const targets: readonly Case[] = [
  ['no such path', get('/v1/nothing'), 404, 'not-found'],
  ['the root', get('/'), 404, 'not-found'],
  ['a trailing slash', get('/v1/orders/'), 404, 'not-found'],
  ['a trailing slash after a parameter', get('/v1/orders/1/'), 404, 'not-found'],
  ['a doubled slash', get('/v1//orders'), 404, 'not-found'],
  ['a leading double slash', get('//v1/orders'), 404, 'not-found'],
  ['another case', get('/v1/Orders'), 404, 'not-found'],
  ['an encoded letter', get('/v1/%6frders'), 404, 'not-found'],
  ['an encoded letter before a parameter', get('/v1/%6frders/1'), 404, 'not-found'],
  ['an encoded slash', get('/v1%2Forders'), 404, 'not-found'],
  ['an encoded slash in a parameter', get('/v1/orders/a%2Fb'), 404, 'not-found'],
  ['an encoded backslash in a parameter', get('/v1/orders/a%5cb'), 404, 'not-found'],
  ['a NUL in a parameter', get('/v1/orders/a%00'), 404, 'not-found'],
  ['an empty parameter', get('/v1/orders/?a=b'), 404, 'not-found'],
  ['a dot segment', get('/v1/orders/..'), 404, 'not-found'],
  ['an encoded dot segment', get('/v1/orders/%2e%2e'), 404, 'not-found'],
  ['dot segments that lead back', get('/v1/../v1/orders'), 404, 'not-found'],
  ['an encoded letter of a raw route', get('/r%61w/1'), 404, 'not-found'],
  ['an encoded slash under a raw route', get('/files/a%2fb'), 404, 'not-found'],
  ['a dot segment under a raw route', get('/files/../v1/orders'), 404, 'not-found'],
  ['an empty parameter of a raw route', get('/raw/'), 404, 'not-found'],
  ['a semicolon', get('/v1/orders;a=b'), 404, 'not-found'],
  ['a parameter too long', get(`/v1/orders/${'a'.repeat(2000)}`), 404, 'not-found'],
  ['a backslash', get('/v1\\orders'), 400, 'malformed'],
  ['a fragment', get('/v1/orders#a'), 400, 'malformed'],
  ['a fragment in the query', get('/v1/orders?a=b#c'), 400, 'malformed'],
  ['a broken percent-encoding', get('/v1/orders/%zz'), 400, 'malformed'],
  ['half a percent-encoding', get('/v1/orders/%2'), 400, 'malformed'],
  ['bad UTF-8 in the path', get('/v1/orders/%ff'), 400, 'malformed'],
  ['bad UTF-8 in the query', get('/v1/orders?cursor=%ff'), 400, 'malformed'],
  ['a broken percent-encoding in the query', get('/v1/orders?cursor=%zz'), 400, 'malformed'],
  ['a NUL in the query', get('/v1/orders?cursor=%00'), 400, 'malformed'],
  ['a prototype in the query', get('/v1/orders?__proto__=a'), 400, 'malformed'],
  ['too many parameters', get(`/v1/orders?${'a&'.repeat(200)}`), 400, 'malformed'],
  ['raw bytes above ASCII', get('/v1/orders/\xe9'), 400, 'malformed'],
  ['a relative target', get('v1/orders'), 400, 'malformed'],
  ['another scheme', get('ftp://localhost/v1/orders'), 400, 'malformed'],
  ['an encoded path in absolute form', get('http://localhost/v1/%6frders'), 404, 'not-found'],
]

const bodies: readonly Case[] = [
  ['truncated JSON', post('{"note":"a'), 400, 'malformed'],
  ['a trailing comma', post('{"note":"a",}'), 400, 'malformed'],
  ['trailing garbage', post('{"note":"a"}{}'), 400, 'malformed'],
  ['single quotes', post("{'note':'a'}"), 400, 'malformed'],
  ['NaN', post('{"note":NaN}'), 400, 'malformed'],
  ['a byte order mark', post('\ufeff{"note":"a"}'), 400, 'malformed'],
  ['white space only', post('  '), 400, 'malformed'],
  [
    'bad UTF-8',
    Buffer.concat([post('{"note":"ab"}').subarray(0, -4), Buffer.from([0xff, 0xfe, 0x22, 0x7d])]),
    400,
    'malformed',
  ],
  ['__proto__', post('{"__proto__":{"a":1}}'), 400, 'malformed'],
  ['__proto__ deeper', post('{"deep":[{"__proto__":{"a":1}}]}'), 400, 'malformed'],
  ['__proto__ in escapes', post('{"\\u005f_proto__":{"a":1}}'), 400, 'malformed'],
  ['constructor', post('{"constructor":{"prototype":{"a":1}}}'), 400, 'malformed'],
  ['a key twice', post('{"note":"a","note":"b"}'), 400, 'malformed'],
  ['a key twice in escapes', post('{"note":"a","n\\u006fte":"b"}'), 400, 'malformed'],
  ['deep nesting', post(nested(40)), 400, 'malformed'],
  ['very deep nesting', post(nested(1900)), 400, 'malformed'],
  ['a NUL in a text', post('{"note":"a\\u0000"}'), 422, 'validation'],
  ['half a surrogate pair', post('{"deep":["\\ud800"]}'), 422, 'validation'],
  ['no content type', post('{}', ''), 415, 'unsupported-media-type'],
  ['text/plain', post('{}', 'Content-Type: text/plain\r\n'), 415, 'unsupported-media-type'],
  [
    'a form',
    post('a=b', 'Content-Type: application/x-www-form-urlencoded\r\n'),
    415,
    'unsupported-media-type',
  ],
  [
    'a tab after the content type',
    post('{}', 'Content-Type: application/json\ta\r\n'),
    415,
    'unsupported-media-type',
  ],
  [
    'a word after the content type',
    post('{}', 'Content-Type: application/json a\r\n'),
    415,
    'unsupported-media-type',
  ],
  [
    'another charset',
    post('{}', 'Content-Type: application/json; charset=latin1\r\n'),
    415,
    'unsupported-media-type',
  ],
  [
    'two charsets',
    post('{}', 'Content-Type: application/json; charset=utf-8; charset=utf-7\r\n'),
    415,
    'unsupported-media-type',
  ],
  [
    'two content types',
    post('{}', 'Content-Type: application/json\r\nContent-Type: text/plain\r\n'),
    415,
    'unsupported-media-type',
  ],
  ['an empty content type', post('{}', 'Content-Type: \r\n'), 415, 'unsupported-media-type'],
  ['gzip', post('{}', `${JSON_TYPE}Content-Encoding: gzip\r\n`), 415, 'unsupported-media-type'],
  ['a body announced too large', post('a'.repeat(5000)), 413, 'payload-too-large'],
  [
    'a chunked body too large',
    raw(
      'POST /v1/orders HTTP/1.1',
      `Transfer-Encoding: chunked\r\n\r\n${`400\r\n${'a'.repeat(1024)}`}\r\n`.replace(
        /(400\r\na+\r\n)$/,
        (chunk) => chunk.repeat(5),
      ),
    ),
    413,
    'payload-too-large',
  ],
  ['a body with GET', get('/v1/orders', 'Content-Length: 2\r\n').concat('{}'), 400, 'malformed'],
  [
    'a parameter of the path in the body',
    Buffer.from(
      post('{"id":"2","note":"a"}', `${JSON_TYPE}If-Match: "1"\r\n`, '/v1/orders/1')
        .toString('latin1')
        .replace('POST', 'PUT'),
      'latin1',
    ),
    422,
    'validation',
  ],
  ['a query with POST', post('{}', JSON_TYPE, '/v1/orders?note=a'), 422, 'validation'],
  [
    'no object where one must be',
    Buffer.from(
      post('[]', `${JSON_TYPE}If-Match: "1"\r\n`, '/v1/orders/1')
        .toString('latin1')
        .replace('POST', 'PUT'),
      'latin1',
    ),
    422,
    'validation',
  ],
]

const fields: readonly Case[] = [
  ['no credential', 'GET /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n', 401, 'unauthenticated'],
  [
    'another scheme',
    'GET /v1/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n\r\n',
    401,
    'unauthenticated',
  ],
  [
    'two credentials',
    get('/v1/orders', `Authorization: Bearer ${KEY}\r\n`),
    401,
    'unauthenticated',
  ],
  [
    'a credential with garbage',
    'GET /v1/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a b\r\n\r\n',
    401,
    'unauthenticated',
  ],
  ['two idempotency keys', post('{}', `${JSON_TYPE}Idempotency-Key: "k-2"\r\n`), 400, 'malformed'],
  [
    'two bare idempotency keys',
    `DELETE /v1/orders/1 HTTP/1.1\r\n${AUTH}Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n`,
    400,
    'malformed',
  ],
  [
    'an empty idempotency key',
    `DELETE /v1/orders/1 HTTP/1.1\r\n${AUTH}Idempotency-Key: \r\n\r\n`,
    400,
    'malformed',
  ],
  [
    'an empty quoted idempotency key',
    `DELETE /v1/orders/1 HTTP/1.1\r\n${AUTH}Idempotency-Key: ""\r\n\r\n`,
    400,
    'malformed',
  ],
  [
    'an unclosed idempotency key',
    `DELETE /v1/orders/1 HTTP/1.1\r\n${AUTH}Idempotency-Key: "a\r\n\r\n`,
    400,
    'malformed',
  ],
  [
    'an idempotency key beyond ASCII',
    `DELETE /v1/orders/1 HTTP/1.1\r\n${AUTH}Idempotency-Key: \xe9\r\n\r\n`,
    400,
    'malformed',
  ],
  [
    'an idempotency key too long',
    `DELETE /v1/orders/1 HTTP/1.1\r\n${AUTH}Idempotency-Key: ${'a'.repeat(256)}\r\n\r\n`,
    400,
    'malformed',
  ],
  [
    'an idempotency key with parameters',
    `DELETE /v1/orders/1 HTTP/1.1\r\n${AUTH}Idempotency-Key: "a";b=1\r\n\r\n`,
    400,
    'malformed',
  ],
  ['a timeout that is none', get('/v1/orders', 'Request-Timeout: soon\r\n'), 400, 'malformed'],
  ['a timeout of zero', get('/v1/orders', 'Request-Timeout: 0\r\n'), 400, 'malformed'],
  ['a negative timeout', get('/v1/orders', 'Request-Timeout: -1\r\n'), 400, 'malformed'],
  [
    'two timeouts',
    get('/v1/orders', 'Request-Timeout: 1\r\nRequest-Timeout: 2\r\n'),
    400,
    'malformed',
  ],
  [
    'If-Match without quotes',
    Buffer.from(
      post('{"note":"a"}', `${JSON_TYPE}If-Match: 1\r\n`, '/v1/orders/1')
        .toString('latin1')
        .replace('POST', 'PUT'),
      'latin1',
    ),
    400,
    'malformed',
  ],
  [
    'If-Match as a list',
    Buffer.from(
      post('{"note":"a"}', `${JSON_TYPE}If-Match: "1", "2"\r\n`, '/v1/orders/1')
        .toString('latin1')
        .replace('POST', 'PUT'),
      'latin1',
    ),
    400,
    'malformed',
  ],
  [
    'a weak If-Match',
    Buffer.from(
      post('{"note":"a"}', `${JSON_TYPE}If-Match: W/"1"\r\n`, '/v1/orders/1')
        .toString('latin1')
        .replace('POST', 'PUT'),
      'latin1',
    ),
    412,
    'precondition-failed',
  ],
  ['PATCH', `PATCH /v1/orders/1 HTTP/1.1\r\n${AUTH}\r\n`, 405, 'method-not-allowed'],
  ['TRACE', `TRACE /v1/orders HTTP/1.1\r\n${AUTH}\r\n`, 405, 'method-not-allowed'],
  ['PROPFIND', `PROPFIND /v1/orders HTTP/1.1\r\n${AUTH}\r\n`, 405, 'method-not-allowed'],
  ['POST on health', `POST /health/live HTTP/1.1\r\n${AUTH}\r\n`, 405, 'method-not-allowed'],
]

const groups = { framing, targets, bodies, fields }

for (const [group, cases] of Object.entries(groups))
  for (const [what, bytes, status, code] of cases)
    test(`${group}: ${what} is answered ${status} ${code}`, async () => {
      const before = app.asked.length
      const reply = await exchange(app.port, bytes)
      assertProblem(reply, status, code)
      assert.equal(app.asked.length, before, 'nothing was executed')
    })

function assertProblem(reply: RawReply | undefined, status: number, code: string): void {
  assert.ok(reply, 'a reply')
  assert.equal(reply.status, status, reply.body)
  assert.equal(reply.headers.get('content-type'), 'application/problem+json')
  assert.equal(reply.headers.get('x-content-type-options'), 'nosniff')
  const problem = JSON.parse(reply.body)
  assert.equal(problem.code, code)
  assert.equal(problem.status, status)
  assert.equal(problem.type, `https://holdfast.dev/problems/${code}`)
  assert.equal(typeof problem.title, 'string')
  assert.equal(problem.instance, reply.headers.get('x-request-id'))
  assert.doesNotMatch(reply.body, /node:internal|\.ts:\d|at \w+ \(/)
}

test('405 names the methods that the path answers to', async () => {
  const reply = await exchange(app.port, `PATCH /v1/orders/1 HTTP/1.1\r\n${AUTH}\r\n`)
  assert.equal(reply?.headers.get('allow'), 'DELETE, GET, HEAD, PUT')
})
