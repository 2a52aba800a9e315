/** The server as a client starts it: a process of its own, in a project with planted secrets. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { notesApp } from '../../test/telemetry/notes-app.ts'
import { until } from '../../test/until.ts'
import { testApp } from '../testing/test-app.ts'
import { testServer } from '../testing/test-database.ts'
import { main } from './main.ts'

const root = join(import.meta.dirname, '../..')
const holdfast = join(root, 'bin/holdfast.mjs')

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

interface Session {
  readonly child: ChildProcess
  ask(method: string, params?: object): Promise<{ result: Record<string, unknown>; line: string }>
  /** The text that a tool answers with. */
  call(name: string, args?: object): Promise<string>
  /** Sends without waiting for an answer. */
  send(message: object): void
}

function start(
  context: TestContext,
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  options: readonly string[] = [],
): Session {
  const child = spawn(process.execPath, [holdfast, 'mcp', ...options], {
    cwd,
    env: { ...process.env, ...env, NODE_TEST_CONTEXT: undefined },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  context.after(async () => {
    if (child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill()
    await ended
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[
    Symbol.asyncIterator
  ]()
  let id = 0
  const send = (message: object) =>
    void child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const session: Session = {
    child,
    send,
    async ask(method, params = {}) {
      send({ id: ++id, method, params: { ...params, _meta: META } })
      const line = String((await lines.next()).value)
      const answer = JSON.parse(line)
      assert.equal(answer.id, id, line)
      return { result: answer.result, line }
    },
    call: async (name, args = {}) =>
      textOf((await session.ask('tools/call', { name, arguments: args })).result),
  }
  return session
}

async function project(context: TestContext, files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-mcp-'))
  context.after(() => rm(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text)
  return folder
}

const NOTES = join(root, 'test/telemetry/notes-app.ts')

const RACES = `
import { race } from ${JSON.stringify(join(root, 'src/prove/race.ts'))}

async function spend(db) {
  const { rows } = await db.query('SELECT balance FROM accounts WHERE id = 1')
  if (rows[0].balance < 70) return 'refused'
  await db.query('UPDATE accounts SET balance = balance - 70 WHERE id = 1')
  return 'done'
}
const schema = 'CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)'
export { raced as spend }
const raced = race({
  schema, seed: 'INSERT INTO accounts VALUES (1, 100)', run: { one: spend, two: spend },
  invariants: { positive: 'SELECT * FROM accounts WHERE balance < 0' },
})`

function textOf(result: Record<string, unknown>): string {
  return (result as { content: { text: string }[] }).content[0]?.text ?? assert.fail()
}

test('explains the shop, reads its schema, advises and calculates', async (context) => {
  const { child, call } = start(context, join(root, 'example/shop'))
  assert.match(await call('explain_operation', {}), /ordering\.place-order \(command\) POST/)
  assert.match(
    await call('explain_operation', { name: 'ordering.place-order' }),
    /^ordering\.place-order {2}command/,
  )
  assert.match(await call('read_schema', { table: 'orders' }), /^export interface OrdersTable \{\n/)
  assert.match(await call('read_schema', { table: '__proto__' }), /HF_USAGE: There is no table/)
  assert.match(
    await call('advise', { decision: 'isolation', answers: { hotRowWritesPerSecond: 500 } }),
    /Pick: A queue per key/,
  )
  assert.match(
    await call('advise', { decision: 'isolation', answers: { hotRow: 1 } }),
    /"hotRow" is no question/,
  )
  assert.match(
    await call('calculate', { calculator: 'queue', inputs: { servers: 9, serviceMs: '80..120' } }),
    /Mean wait +\d/,
  )
  assert.match(await call('runbook', { symptom: 'secret in git' }), /^# A secret has leaked/)
  assert.match(await call('search_rules', { query: 'n plus one' }), /n-plus-one/)
  const closed = once(child, 'exit')
  child.stdin?.end()
  assert.deepEqual(await closed, [0, null])
})

test('planted secrets never leave, not even where a project prints or throws them', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-mcp-'))
  context.after(() => rm(folder, { recursive: true }))
  const canaries = {
    PAYMENT_SECRET: 'canary-payment-7f3a9c',
    DATABASE_URL: 'postgres://app:canary-database-1b2c@db/shop',
  }
  await writeFile(join(folder, '.env'), 'MAIL_PASSWORD="canary-mail-55ee11"\n')
  await writeFile(
    join(folder, 'holdfast.config.ts'),
    `console.log('canary-mail-55ee11', process.env.PAYMENT_SECRET)
     throw new Error('no connection to ' + process.env.DATABASE_URL + ' canary-mail-55ee11')`,
  )
  const { ask } = start(context, folder, canaries)
  const all = [
    await ask('tools/call', { name: 'explain_operation', arguments: {} }),
    await ask('tools/call', { name: 'read_schema', arguments: {} }),
    await ask('tools/call', { name: 'advise', arguments: { decision: 'canary-payment-7f3a9c' } }),
    await ask('tools/call', { name: 'runbook', arguments: { symptom: 'canary-database-1b2c qq' } }),
  ]
  assert.match(
    all[0]?.line ?? '',
    /HF_PROJECT_INVALID.*no connection to postgres:\/\/app:\[redacted\]@db/,
  )
  for (const { line } of all) assert.doesNotMatch(line, /canary-/)
})

test('reviews code of the project and snippets, and never leaves the folder', async (context) => {
  const outside = await mkdtemp(join(tmpdir(), 'holdfast-outside-'))
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-mcp-'))
  context.after(() => Promise.all([folder, outside].map((path) => rm(path, { recursive: true }))))
  const code = `import pg from 'pg'
    import express from 'express'
    const pool = new pg.Pool()
    const password = "canary-in-code-99aa"
    const app = express()
    app.get('/orders', async (req, res) => {
      res.json(await pool.query("SELECT * FROM orders WHERE id = '" + req.query.id + "'"))
    })`
  await writeFile(join(folder, 'package.json'), '{ "dependencies": { "pg": "8", "express": "5" } }')
  await writeFile(join(folder, 'server.ts'), code)
  await writeFile(join(outside, 'secret.ts'), code)
  await symlink(outside, join(folder, 'link'))
  const { call } = start(context, folder)
  const found = await call('review_path', {})
  assert.match(found, /string-sql/)
  assert.doesNotMatch(found, /canary-in-code/)
  assert.equal(await call('review_path', { path: 'server.ts' }), found)
  for (const path of ['..', outside, 'link', 'link/secret.ts', '../../etc/passwd'])
    assert.match(await call('review_path', { path }), /outside of the project|There is no/)
  const snippet = await call('review_snippet', { code, libraries: ['pg', 'express'] })
  assert.match(snippet, /string-sql/)
  assert.match(await call('review_snippet', { code: 'const (' }), /passed over|No |nothing|0 /i)
})

test('asks the database for plans and traces, and for nothing where there is none', async (context) => {
  const none = start(context, await project(context, {}), { DATABASE_URL: '' })
  for (const [name, args] of [
    ['explain_plan', { sql: 'SELECT 1' }],
    ['trace_request', { requestId: 'r' }],
  ] as const)
    assert.match(await none.call(name, args), /There is no database to ask: start/)
  assert.match(await none.call('explain_plan', {}), /either an operation or a statement/)
  await using app = await testApp(notesApp)
  const ada = await app.caller('acme', { permissions: ['notes:write'] })
  const headers = { 'x-request-id': 'req-1' }
  await ada.ask('POST /v1/notes', { body: { text: 'hello' }, headers })
  const folder = await project(context, {
    'holdfast.config.ts': `export const config = { migrations: [], app: './app.ts' }`,
    'app.ts': `export { notesApp as app } from ${JSON.stringify(NOTES)}`,
  })
  const { call } = start(context, folder, { DATABASE_URL: app.database.url, ADMIN_PORT: '9' })
  const traced = await call('trace_request', { requestId: 'req-1' })
  assert.match(traced, /^request req-1 of acme\n.*audit {5}notes\.write-note {2}ok/)
  assert.match(traced, /From the database alone/)
  assert.match(
    await call('trace_request', { requestId: 'never' }),
    /Nothing is known of the request/,
  )
  const plans = await call('explain_plan', { operation: 'notes.write-note' })
  assert.match(plans, /Insert on idempotency_keys/)
  const plan = await call('explain_plan', { sql: 'DELETE FROM holdfast.jobs WHERE id = $1' })
  assert.match(plan, /Delete on jobs|permission denied/)
  assert.match(await call('explain_plan', { sql: 'DROP TABLE notes' }), /refused: syntax error/)
})

test('what is cancelled ends, even where the code of the project never comes to an end', async (context) => {
  const spinning = `import { writeFileSync } from 'node:fs'
    writeFileSync(new URL('./pid', import.meta.url), String(process.pid) + '.')
    for (;;) {}`
  const folder = await project(context, { 'holdfast.config.ts': spinning })
  const { call, send } = start(context, folder)
  const params = { name: 'explain_operation', arguments: {}, _meta: META }
  send({ id: 'spin', method: 'tools/call', params })
  const written = () => readFile(join(folder, 'pid'), 'utf8').catch(() => '')
  await until('the project is loaded', async () => (await written()).endsWith('.'))
  assert.match(await call('list_topics'), /^Decisions/)
  send({ method: 'notifications/cancelled', params: { requestId: 'spin' } })
  const pid = Number.parseInt(await written(), 10)
  await until('its process is gone', async () => isGone(pid))
})

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}

test('sees the project as it is now, not as it was when it was first asked', async (context) => {
  const config = (app: string) => `export const config = { migrations: [], app: '${app}' }`
  const folder = await project(context, { 'holdfast.config.ts': config('./one.ts') })
  const { call } = start(context, folder)
  assert.match(await call('explain_operation'), /one\.ts/)
  await writeFile(join(folder, 'holdfast.config.ts'), config('./two.ts'))
  assert.match(await call('explain_operation'), /two\.ts/)
})

test('reads what proofs have found; runs them only where it was started for it', async (context) => {
  const folder = await project(context, { 'races.ts': RACES })
  const { adminUrl: DATABASE_URL } = await testServer()
  const reading = start(context, folder, { DATABASE_URL })
  const { result } = await reading.ask('tools/list')
  const names = (result.tools as { name: string }[]).map(({ name }) => name)
  assert.ok(names.includes('read_proofs') && !names.includes('prove'))
  assert.match(await reading.call('read_proofs', { folder: '.' }), /holds no result/)
  assert.match(await reading.call('read_proofs', { folder: '..' }), /outside of the project/)
  const proving = start(context, folder, { DATABASE_URL }, ['--prove'])
  const proved = await proving.call('prove', { files: ['races.ts'], budgetSeconds: 300 })
  assert.match(proved, /^VIOLATION {2}spend: lost update/)
  assert.match(await proving.call('prove', { files: ['none.ts'] }), /There is no none\.ts here/)
  assert.match(await proving.call('prove', { files: ['../x'] }), /outside|There is no/)
  assert.match(
    await proving.call('prove', { files: ['races.ts'], only: 'x' }),
    /There is no race "x"; there is spend/,
  )
  await main(['prove', 'races.ts', '--out', 'found'], {
    env: { DATABASE_URL },
    cwd: folder,
    out: () => {},
    err: () => {},
  })
  assert.equal(
    await reading.call('read_proofs', { folder: 'found' }),
    'VIOLATION  spend  (races.ts)',
  )
  const trace = await reading.call('read_proofs', { folder: 'found', name: 'spend' })
  assert.match(trace, /SELECT balance FROM accounts/)
  assert.match(
    await reading.call('read_proofs', { folder: 'found', name: '../races' }),
    /There is no result "\.\.\/races"; there is spend/,
  )
})

/** A public client, where it is installed: not among our dependencies. */
const CLIENT = '@modelcontextprotocol/client'
const client = await import(CLIENT).catch(() => undefined)
const stdio = await import(`${CLIENT}/stdio`).catch(() => undefined)

for (const [mode, version] of [
  ['auto', '2026-07-28'],
  ['legacy', '2025-11-25'],
] as const)
  test(`a public client speaks ${version} with it`, {
    skip: !client && `no ${CLIENT}`,
  }, async () => {
    const transport = new stdio.StdioClientTransport({
      command: process.execPath,
      args: [holdfast, 'mcp'],
      cwd: join(root, 'example/shop'),
      stderr: 'ignore',
    })
    const one = new client.Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    await one.connect(transport)
    try {
      assert.equal(one.getNegotiatedProtocolVersion(), version)
      const { tools } = await one.listTools()
      assert.ok(tools.length >= 9)
      const called = await one.callTool({ name: 'list_topics', arguments: {} })
      assert.match(called.content[0].text, /^Decisions/)
      const { contents } = await one.readResource({ uri: 'holdfast://decisions/database' })
      assert.match(contents[0].text, /^# Database/)
      assert.ok(
        tools.every((tool: { annotations: object }) =>
          Object.is(Reflect.get(tool.annotations, 'readOnlyHint'), true),
        ),
      )
      const explained = await one.callTool({
        name: 'explain_operation',
        arguments: { name: 'ordering.place-order' },
      })
      assert.equal(explained.structuredContent.kind, 'command')
      const taken = AbortSignal.timeout(1)
      const call = { name: 'review_path', arguments: {} }
      await assert.rejects(one.callTool(call, { signal: taken }))
      assert.match((await one.callTool({ name: 'list_topics' })).content[0].text, /^Decisions/)
    } finally {
      await one.close()
    }
  })
