import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { HoldfastError } from '../base/fault.ts'
import { McpServer } from './server.ts'
import { serveStdio } from './stdio.ts'
import { defineTool, type Resource } from './tool.ts'

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** Ends when its request is cancelled, and tells that it was. */
function waitingTool() {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const tool = defineTool({
    name: 'wait',
    title: 'Wait',
    description: 'Waits',
    input: z.strictObject({}),
    run(_, signal) {
      begun.resolve()
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          ended.resolve()
          resolve({ text: 'late' })
        })
      })
    },
  })
  return { tool, begun: begun.promise, ended: ended.promise }
}

const echo = defineTool({
  name: 'echo',
  title: 'Echo',
  description: 'Says it again',
  input: z.strictObject({ text: z.string().max(10), times: z.int().max(1e6).default(1) }),
  run({ text, times }) {
    if (text === 'refuse') throw new HoldfastError('HF_USAGE', 'Not this.')
    if (text === 'bug') throw new Error('inside: hunter22')
    return { text: text.repeat(times), data: { text: text.repeat(times) } }
  },
})

const resources: readonly Resource[] = Array.from({ length: 120 }, (_, index) => ({
  uri: `test://${index}`,
  name: `r${index}`,
  title: 'R',
  description: 'A page',
  read: () => `page ${index}`,
}))

function server(tools = [echo], notices: string[] = []): McpServer {
  return new McpServer({
    info: { name: 'test', title: 'Test', version: '1.2.3' },
    instructions: 'Use it.',
    tools,
    resources,
    redact: (text) => text.replaceAll('hunter22', '[redacted]'),
    notify: (line) => void notices.push(line),
  })
}

async function ask(to: McpServer, message: unknown) {
  const line = await to.answer(typeof message === 'string' ? message : JSON.stringify(message))
  assert.ok(line !== undefined)
  assert.ok(!line.includes('\n'))
  return JSON.parse(line)
}

const modern = (method: string, params: object = {}, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { ...params, _meta: META },
})
const legacy = (method: string, params: object = {}, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})

describe('the generation of 2026-07-28', () => {
  test('needs no handshake and says who answers in each result', async () => {
    const { result } = await ask(server(), modern('server/discover'))
    assert.deepEqual(result, {
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18'],
      capabilities: { tools: {}, resources: {} },
      instructions: 'Use it.',
      resultType: 'complete',
      ttlMs: 3_600_000,
      cacheScope: 'public',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'test', version: '1.2.3' } },
    })
    const called = await ask(
      server(),
      modern('tools/call', { name: 'echo', arguments: { text: 'x' } }),
    )
    assert.equal(called.result.resultType, 'complete')
    assert.deepEqual(called.result.structuredContent, { text: 'x' })
  })

  test('refuses another version, a missing one, and missing capabilities, as the specification says', async () => {
    const version = (meta: object) => ask(server(), legacy('tools/list', { _meta: meta }))
    const other = await version({
      ...META,
      'io.modelcontextprotocol/protocolVersion': '1900-01-01',
    })
    assert.equal(other.error.code, -32022)
    assert.equal(other.error.data.requested, '1900-01-01')
    assert.equal((await version({})).error.code, -32602)
    const { 'io.modelcontextprotocol/clientCapabilities': _, ...rest } = META
    assert.equal((await version(rest)).error.code, -32602)
    assert.equal((await ask(server(), modern('ping'))).error.code, -32601)
  })

  test('lists in pages, in a fixed order, with how long they stay fresh', async () => {
    const one = server()
    const names: string[] = []
    let cursor: string | undefined
    do {
      const { result } = await ask(one, modern('resources/list', cursor ? { cursor } : {}))
      names.push(...result.resources.map(({ name }: { name: string }) => name))
      assert.deepEqual([result.ttlMs, result.cacheScope], [3_600_000, 'public'])
      cursor = result.nextCursor
    } while (cursor !== undefined)
    assert.deepEqual(
      names,
      resources.map(({ name }) => name),
    )
    for (const wrong of ['-1', 'x', '999', {}])
      assert.equal((await ask(one, modern('resources/list', { cursor: wrong }))).error.code, -32602)
  })
})

describe('the generation before', () => {
  test('begins with a handshake; an unknown version gets the newest of it', async () => {
    for (const [asked, given] of [
      ['2025-11-25', '2025-11-25'],
      ['2025-06-18', '2025-06-18'],
      ['2026-07-28', '2025-11-25'],
      [undefined, '2025-11-25'],
    ]) {
      const one = server()
      const { result } = await ask(
        one,
        legacy('initialize', { protocolVersion: asked, capabilities: {} }),
      )
      assert.equal(result.protocolVersion, given)
      assert.equal(result.serverInfo.name, 'test')
      assert.equal(
        await one.answer('{"jsonrpc":"2.0","method":"notifications/initialized"}'),
        undefined,
      )
      assert.deepEqual((await ask(one, legacy('ping'))).result, {})
      const { result: listed } = await ask(one, legacy('tools/list'))
      assert.deepEqual(Object.keys(listed), ['tools'])
      // Both on one stream: what a request carries goes before the handshake.
      assert.equal((await ask(one, modern('tools/list'))).result.resultType, 'complete')
    }
  })

  test('before the handshake a bare request is refused with the versions there are', async () => {
    const { error } = await ask(server(), legacy('tools/list'))
    assert.equal(error.code, -32602)
    assert.ok(error.data.supported.includes('2025-11-25'))
  })
})

describe('calls', () => {
  test('what the caller can mend is a result for the model, a bug is not told', async () => {
    const notices: string[] = []
    const one = server([echo], notices)
    const call = (text: unknown) =>
      ask(one, modern('tools/call', { name: 'echo', arguments: { text } }))
    const wrong = (await call(5)).result
    assert.equal(wrong.isError, true)
    assert.match(wrong.content[0].text, /^The arguments do not fit:\n\/text: /)
    assert.match((await call('refuse')).result.content[0].text, /^HF_USAGE: Not this\./)
    const bug = await call('bug')
    assert.equal(bug.error.code, -32603)
    assert.doesNotMatch(bug.error.message, /inside/)
    assert.match(notices[0] ?? '', /inside/)
    assert.equal((await ask(one, modern('tools/call', { name: 'none' }))).error.code, -32602)
    const resource = await ask(one, modern('resources/read', { uri: 'test://7' }))
    assert.equal(resource.result.contents[0].text, 'page 7')
    assert.equal((await ask(one, modern('resources/read', { uri: 'x' }))).error.code, -32602)
  })

  test('a large reply is cut and says so; its data is left out', async () => {
    const { result } = await ask(
      server(),
      modern('tools/call', { name: 'echo', arguments: { text: 'x', times: 300_000 } }),
    )
    assert.match(result.content[0].text, /x\n\.\.\. 240000 characters more: ask for less\.$/)
    assert.equal(result.structuredContent, undefined)
  })

  test('secrets are taken out of every text that leaves, ids excepted', async () => {
    const line = await server().answer(
      JSON.stringify(
        modern('tools/call', { name: 'echo', arguments: { text: 'hunter22' } }, 'hunter22'),
      ),
    )
    assert.ok(line)
    assert.equal(JSON.parse(line).id, 'hunter22')
    assert.equal(line.split('hunter22').length, 2)
  })

  test('a cancelled request is aborted and not answered', async () => {
    const { tool, begun, ended } = waitingTool()
    const one = server([tool])
    const answer = one.answer(JSON.stringify(modern('tools/call', { name: 'wait' }, 'w')))
    await begun
    assert.equal((await ask(one, modern('tools/list', {}, 'w'))).error.code, -32600)
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'w' } }
    assert.equal(await one.answer(JSON.stringify(cancel)), undefined)
    await ended
    assert.equal(await answer, undefined)
    assert.equal(await one.answer(JSON.stringify(cancel)), undefined)
  })

  test('more at once than is served is refused, the rest goes on', async () => {
    const { tool } = waitingTool()
    const one = server([tool, echo])
    const waiting = Array.from({ length: 16 }, (_, id) =>
      one.answer(JSON.stringify(modern('tools/call', { name: 'wait' }, id))),
    )
    const { error } = await ask(one, modern('tools/list', {}, 'more'))
    assert.match(error.message, /At most 16 requests at once/)
    one.stop()
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([undefined]))
    assert.ok((await ask(one, modern('tools/list'))).result)
  })
})

describe('lines', () => {
  test('whatever comes, there is an answer of JSON-RPC or none', async () => {
    const cases: [line: string, code: number | undefined][] = [
      ['{', -32700],
      ['[]', -32600],
      ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600],
      ['null', -32600],
      ['{"id":1,"method":"ping"}', -32600],
      ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
      ['{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600],
      ['{"jsonrpc":"2.0","id":1,"method":5}', -32600],
      ['{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600],
      ['{"jsonrpc":"2.0","id":1,"result":{}}', undefined],
      ['{"jsonrpc":"2.0","method":"notifications/whatever"}', undefined],
    ]
    for (const [line, code] of cases) {
      const answer = await server().answer(line)
      assert.equal(answer === undefined ? undefined : JSON.parse(answer).error.code, code, line)
    }
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (line) => {
        const answer = await server().answer(line)
        if (answer !== undefined) assert.equal(JSON.parse(answer).jsonrpc, '2.0')
      }),
    )
  })

  test('are put together from any pieces; one that is too long costs only itself', async () => {
    const input = new PassThrough()
    const output = new PassThrough()
    const written: string[] = []
    output.on('data', (chunk) => void written.push(String(chunk)))
    const served = serveStdio(server(), input, output)
    const first = Buffer.from(`${JSON.stringify(modern('tools/list', {}, 'ä'))}\n\n`)
    for (const byte of first) input.write(Buffer.of(byte))
    input.write(Buffer.alloc(1_500_000, 0x20))
    input.write(`\n${JSON.stringify(modern('tools/list', {}, 2))}\n`)
    input.end()
    await served
    const answers = written
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      answers.map(({ id, error }) => id ?? error.code),
      ['ä', -32700, 2],
    )
  })
})
