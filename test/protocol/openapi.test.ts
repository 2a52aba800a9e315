import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../../src/base/clock.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { Health } from '../../src/runtime/health.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { createTelemetry } from '../../src/runtime/telemetry/telemetry.ts'
import { createAdminServer } from '../../src/transport/http/admin-server.ts'
import { docsPage } from '../../src/transport/rest/docs-page.ts'
import { openApi } from '../../src/transport/rest/openapi.ts'
import { protocolRegistry } from './protocol-app.ts'
import { exchange } from './raw-client.ts'

type Json = Record<string, unknown>

const info = { title: 'Shop <script>', version: '1.0.0', publicUrl: 'https://api.example' }
const api = openApi(protocolRegistry(), info)
const document = JSON.parse(JSON.stringify(api)) as Json

function at(pointer: string): unknown {
  let found: unknown = document
  for (const part of pointer.slice(2).split('/'))
    found = (found as Json)[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  return found
}

function resolved<T = Json>(value: unknown): T {
  const { $ref } = value as { $ref?: string }
  return ($ref === undefined ? value : at($ref)) as T
}

function walk(value: unknown, visit: (object: Json, path: string) => void, path = '#'): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) visit(value as Json, path)
  for (const [key, inner] of Object.entries(value)) walk(inner, visit, `${path}/${key}`)
}

interface Operation extends Json {
  operationId: string
  parameters: Json[]
  responses: Record<string, Json>
}

function operations(): [string, string, Operation][] {
  return Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, each]): [string, string, Operation] => [
        path,
        method,
        each,
      ]),
  )
}

test('the description is the same text each time, and the one that was agreed', (context) => {
  assert.equal(JSON.stringify(openApi(protocolRegistry(), info)), JSON.stringify(api))
  const path = new URL('openapi.snapshot', import.meta.url).pathname
  context.assert.fileSnapshot(document, path)
})

test('every reference leads somewhere, and nothing of the schema library is left', () => {
  walk(document, (object, path) => {
    if (typeof object.$ref === 'string') assert.ok(at(object.$ref), `${path}: ${object.$ref}`)
    assert.equal('$defs' in object || '$schema' in object, false, path)
  })
})

test('every operation is described once, with its path parameters and no other', () => {
  const ids = operations().map(([, , { operationId }]) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  assert.deepEqual(ids.sort(), [...protocolRegistry().operations.keys()].sort())
  for (const [path, , { parameters }] of operations()) {
    const all = parameters.map((each) => resolved(each))
    const inPath = all.filter((each) => each.in === 'path')
    assert.deepEqual(
      inPath.map(({ name }) => `{${name}}`),
      path.match(/\{[^}]+\}/g) ?? [],
    )
    assert.ok(inPath.every(({ required }) => required === true))
    const keys = all.map((each) => `${each.in} ${each.name}`)
    assert.equal(new Set(keys).size, keys.length)
  }
})

test('every problem is told with its status, its code and an example of itself', () => {
  for (const [path, method, { responses, operationId }] of operations()) {
    const statuses = Object.keys(responses)
    for (const status of ['400', '401', '403', '404', '422', '500', '503', '504'])
      assert.ok(statuses.includes(status), `${method} ${path}: ${status}`)
    for (const [status, each] of Object.entries(responses)) {
      const response = resolved<{ description: string; content?: Record<string, Json> }>(each)
      assert.ok(response.description)
      const content = response.content?.['application/problem+json']
      assert.equal(content === undefined, Number(status) < 400, `${operationId} ${status}`)
      for (const [code, { value }] of Object.entries(
        (content?.examples ?? {}) as Record<string, { value: Json }>,
      ))
        assert.deepEqual([value.code, value.status], [code, Number(status)])
    }
  }
  const place = operations().find(([, , { operationId }]) => operationId === 'ordering.place-order')
  const conflicts = resolved<{ content: Record<string, Json> }>(place?.[2].responses['409'])
  assert.deepEqual(Object.keys(conflicts.content['application/problem+json']?.examples as Json), [
    'insufficient-stock',
    'idempotency-in-progress',
  ])
})

/** The schema with everything it refers to beside it, as zod reads it. */
function schemaOf(schema: Json): z.ZodType {
  const components = document.components as { schemas: Json }
  const text = JSON.stringify({ ...schema, $defs: components.schemas })
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')))
}

test('every example fits its schema', () => {
  let count = 0
  walk(document, (object, path) => {
    if (!object.schema || !object.examples) return
    for (const [name, { value }] of Object.entries(
      object.examples as Record<string, { value: unknown }>,
    )) {
      const result = schemaOf(object.schema as Json).safeParse(value)
      assert.ok(result.success, `${path} ${name}: ${result.error}`)
      count++
    }
  })
  assert.ok(count > 20, `${count} examples`)
})

test('unknown fields are refused in the description as they are by the server', () => {
  const place = operations().find(([, , { operationId }]) => operationId === 'ordering.place-order')
  const body = place?.[2].requestBody as { content: Record<string, { schema: Json }> }
  const schema = schemaOf(body.content['application/json']?.schema as Json)
  assert.equal(schema.safeParse({ note: 'a' }).success, true)
  assert.equal(schema.safeParse({ note: 'a', extra: 1 }).success, false)
  assert.equal(schema.safeParse({ lines: [{ sku: 'a', quantity: 1, price: 0 }] }).success, false)
})

test('the page shows every operation, loads nothing, and escapes what it shows', () => {
  const page = docsPage(api, 'http://127.0.0.1:3000')
  for (const [path, , { operationId }] of operations()) {
    assert.ok(page.includes(`id="${operationId}"`), operationId)
    assert.ok(page.includes(path))
  }
  assert.ok(page.includes('Idempotency-Key: $(uuidgen)'))
  assert.ok(page.includes('insufficient-stock'))
  assert.doesNotMatch(page, /<script|<link|<img|src=|@import|url\(/)
  assert.ok(page.includes('Shop &lt;script&gt;'))
})

test('the admin port serves page, description, health and metrics, to its own name only', async () => {
  const telemetry = createTelemetry()
  telemetry.metrics.read('gauge', { name: 'holdfast_test', help: 'Of a test.' }, () => 1)
  const admin = createAdminServer({
    config: { host: '127.0.0.1', port: 0 },
    limits: loadConfig({}).http,
    health: new Health(systemClock),
    api,
    apiUrl: () => 'http://127.0.0.1:3000',
    telemetry,
    log: silentLog,
    clock: systemClock,
  })
  const port = Number(new URL(await admin.listen()).port)
  const get = (path: string, host = `127.0.0.1:${port}`) =>
    exchange(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  try {
    assert.match((await get('/docs'))?.body ?? '', /^<!doctype html>/)
    assert.deepEqual(JSON.parse((await get('/openapi.json'))?.body ?? ''), document)
    const health = await get('/health')
    assert.deepEqual(Object.keys(JSON.parse(health?.body ?? '').checks), ['eventloop:delay'])
    assert.equal(health?.headers.get('content-type'), 'application/health+json')
    assert.equal(
      (await get('/metrics'))?.body,
      '# HELP holdfast_test Of a test.\n# TYPE holdfast_test gauge\nholdfast_test 1\n',
    )
    assert.equal((await get('/v1/orders'))?.status, 404)
    assert.equal((await get('/docs', 'evil.example'))?.status, 403)
    assert.equal((await get('/nothing', 'evil.example'))?.status, 403)
    assert.equal((await get('/docs', `localhost:${port}`))?.status, 200)
    assert.equal((await get('/docs', `[::1]:${port}`))?.status, 200)
  } finally {
    await admin.stop(0)
  }
})
