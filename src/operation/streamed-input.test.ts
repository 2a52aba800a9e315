import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { isFault } from '../base/fault.ts'
import { openApi } from '../transport/rest/openapi.ts'
import { holdfast } from './builder.ts'
import { type CommandContract, defineCommand, defineQuery } from './contract.ts'
import { defineList, equals } from './list-contract.ts'
import { notFound } from './problem.ts'
import { buildRegistry } from './registry.ts'
import { anyPrincipal } from './rule.ts'
import type { StreamedOption } from './streamed-input.ts'

const good: StreamedOption = { field: 'file', contentTypes: ['text/csv'], bytesMax: 1000 }

function take(streamed: object = {}, input: z.ZodType = z.object({ file: z.uuid() })) {
  return defineCommand({
    name: 'files.take',
    http: 'POST /files/{id}',
    input,
    output: z.object({ id: z.string() }),
    streamed: { ...good, ...streamed },
    location: ({ id }) => `/files/${id}`,
  })
}

function registryOf(...contracts: readonly CommandContract[]) {
  const app = holdfast<{ db: object }>()
  const run = () => ({ id: '' })
  const handlers = contracts.map((contract) => app.handle(contract, { allow: anyPrincipal, run }))
  const files = { module: app.defineModule({ name: 'files' }), ...handlers }
  return buildRegistry(app.defineApp({ modules: [files] }))
}

const complains = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Error)
  assert.match(error.message, pattern)
  return true
}

describe('a streamed input', () => {
  test('has its types and bounds checked when it is declared', () => {
    for (const [streamed, pattern] of [
      [{ bytesMax: 0 }, /bytesMax/],
      [{ bytesMax: 2 ** 40 }, /kept in the database/],
      [{ contentTypes: [] }, /contentTypes must name/],
      [{ contentTypes: ['text/csv; charset=utf-8'] }, /write it like/],
      [{ field: '' }, /field must be a name/],
      [{ keptMs: 1 }, /keptMs/],
      [{ keepMs: 60_000 }, /did you mean/],
    ] as const) {
      assert.throws(
        () => take(streamed),
        (error) => {
          assert.ok(isFault(error, 'HF_OPTION_INVALID'))
          return complains(pattern)(error)
        },
      )
    }
  })

  test('needs its field in the input; all others travel in path and query', () => {
    const schema = (fields: z.ZodRawShape) => z.object({ id: z.string(), ...fields })
    const made = (fields: z.ZodRawShape) =>
      registryOf(take({}, schema(fields)) as unknown as CommandContract)
    assert.throws(() => made({}), complains(/handed over in "file"/))
    assert.throws(() => made({ file: z.int() }), complains(/must be a required string/))
    assert.throws(() => made({ file: z.uuid().optional() }), complains(/must be a required string/))
    const nested = { file: z.uuid(), options: z.object({ a: z.string() }) }
    assert.throws(() => made(nested), complains(/"options" cannot travel: the body is a stream/))
  })

  test('is described as bytes of its type, and not as a field', () => {
    const input = z.object({ id: z.string(), file: z.uuid(), dry: z.boolean().optional() })
    const registry = registryOf(take({}, input) as unknown as CommandContract)
    const { paths } = openApi(registry, { title: 'Files', version: '1' })
    const post = paths['/files/{id}']?.post as {
      parameters: readonly { name?: string }[]
      requestBody: { content: object }
      responses: Readonly<Record<string, { headers: object }>>
    }
    const named = post.parameters.flatMap(({ name }) => name ?? [])
    assert.deepEqual(named, ['id', 'dry'])
    assert.deepEqual(post.requestBody.content, { 'text/csv': {} })
    assert.ok('Location' in (post.responses[200]?.headers ?? {}))
  })
})

test('a reply that is no JSON is a text, and described by its own type', () => {
  const contract = (output: z.ZodType) =>
    defineQuery({
      name: 'files.read',
      http: 'GET /file',
      input: z.object({}),
      output,
      replyType: 'text/csv',
    })
  const made = (output: z.ZodType) => {
    const app = holdfast<{ db: object }>()
    const read = app.handle(contract(output), { allow: anyPrincipal, run: () => 'a,b' })
    const files = { module: app.defineModule({ name: 'files' }), read }
    return buildRegistry(app.defineApp({ modules: [files] }))
  }
  assert.throws(() => made(z.object({ a: z.string() })), complains(/its output must be a string/))
  const { paths } = openApi(made(z.string()), { title: 'Files', version: '1' })
  const get = paths['/file']?.get as { responses: Record<string, { content: object }> }
  assert.deepEqual(Object.keys(get.responses[200]?.content ?? {}), ['text/csv'])
})

test('a list below something declares the problem of its absence', () => {
  const ListNotes = defineList({
    name: 'files.list-notes',
    http: 'GET /files/{id}/notes',
    item: z.object({ no: z.int() }),
    filter: { id: equals(z.string()) },
    sort: ['no asc'],
    problems: { fileNotFound: notFound('No such file') },
  })
  const app = holdfast<{ db: { notes: { no: number; id: string } } }>()
  const made = (otherwise: string) => {
    const list = app.list(ListNotes, {
      allow: anyPrincipal,
      from: 'notes',
      key: 'no',
      below: { exists: () => assert.fail('is not asked here'), otherwise },
    })
    const files = { module: app.defineModule({ name: 'files' }), list }
    return { modules: [files], made: new Set<never>(), services: {} }
  }
  assert.throws(
    () => buildRegistry(made('fileNotfound')),
    complains(/"fileNotfound", which it does not declare.*fileNotFound/s),
  )
  const registry = buildRegistry(made('fileNotFound'))
  assert.deepEqual(registry.operations.get('files.list-notes')?.inputSchema.required, ['id'])
})
