/** The server as a client starts it: a process of its own, in a project with planted secrets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { holdfast, root, start } from '../../test/mcp-session.ts'

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

/** A public client, where it is installed: not among our dependencies. */
const CLIENT = '@modelcontextprotocol/client'
const client = await import(CLIENT).catch(() => undefined)
const stdio = await import(`${CLIENT}/stdio`).catch(() => undefined)

/**
 * Its own limit is a minute, after which 'auto' takes a server for one of the generation before. The
 * runner's limit is enough.
 */
const PATIENT = { timeout: 2 ** 31 - 1 }

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
    await one.connect(transport, PATIENT)
    try {
      assert.equal(one.getNegotiatedProtocolVersion(), version)
      const { tools } = await one.listTools(undefined, PATIENT)
      assert.ok(tools.length >= 9)
      const called = await one.callTool({ name: 'list_topics', arguments: {} }, PATIENT)
      assert.match(called.content[0].text, /^Decisions/)
      const { contents } = await one.readResource({ uri: 'holdfast://decisions/database' }, PATIENT)
      assert.match(contents[0].text, /^# Database/)
      assert.ok(
        tools.every((tool: { annotations: object }) =>
          Object.is(Reflect.get(tool.annotations, 'readOnlyHint'), true),
        ),
      )
      const explained = await one.callTool(
        { name: 'explain_operation', arguments: { name: 'ordering.place-order' } },
        PATIENT,
      )
      assert.equal(explained.structuredContent.kind, 'command')
      const taking = new AbortController()
      const call = { name: 'review_path', arguments: {} }
      const taken = one.callTool(call, { ...PATIENT, signal: taking.signal })
      taking.abort()
      await assert.rejects(taken)
      const after = await one.callTool({ name: 'list_topics' }, PATIENT)
      assert.match(after.content[0].text, /^Decisions/)
    } finally {
      await one.close()
    }
  })
