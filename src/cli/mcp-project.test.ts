/** What `holdfast mcp` tells of a project: its database, its proofs, and as it is now. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { META, project, root, start } from '../../test/mcp-session.ts'
import { notesApp } from '../../test/telemetry/notes-app.ts'
import { testApp } from '../testing/test-app.ts'
import { testServer } from '../testing/test-database.ts'
import { main } from './main.ts'

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
})

/** A door that code of a project knocks at; it stays open for as long as its process lives. */
async function door(context: TestContext) {
  const path = join(await project(context, {}), 'door')
  const server = createServer()
  context.after(() => server.close())
  await once(server.listen(path), 'listening')
  const knocked = once(server, 'connection') as Promise<[Socket]>
  return { path, knocked }
}

test('what is cancelled ends, even where the code of the project never comes to an end', async (context) => {
  const { path, knocked } = await door(context)
  const spinning = `import { connect } from 'node:net'
    await new Promise((done) => connect(${JSON.stringify(path)}, done))
    for (;;) {}`
  const folder = await project(context, { 'holdfast.config.ts': spinning })
  const { call, send } = start(context, folder)
  const params = { name: 'explain_operation', arguments: {}, _meta: META }
  send({ id: 'spin', method: 'tools/call', params })
  const [socket] = await knocked
  const gone = once(socket.resume(), 'close')
  assert.match(await call('list_topics'), /^Decisions/)
  send({ method: 'notifications/cancelled', params: { requestId: 'spin' } })
  await gone
})

test('sees the project as it is now, not as it was when it was first asked', async (context) => {
  const config = (app: string) => `export const config = { migrations: [], app: '${app}' }`
  const folder = await project(context, { 'holdfast.config.ts': config('./one.ts') })
  const { call } = start(context, folder)
  assert.match(await call('explain_operation'), /one\.ts/)
  await writeFile(join(folder, 'holdfast.config.ts'), config('./two.ts'))
  assert.match(await call('explain_operation'), /two\.ts/)
})

test('reads the project file that it was started with', async (context) => {
  const folder = await project(context, {
    'other.ts': `export const config = { migrations: [], app: './named.ts', types: './rows.ts',
      review: { off: ['string-sql'] } }`,
    'rows.ts': 'export interface Rows {}',
    'package.json': '{ "dependencies": { "pg": "8" } }',
    'users.ts': `import { Pool } from 'pg'
      const pool = new Pool()
      export async function find(req: { query: { name: string } }, res: object) {
        return pool.query("SELECT id FROM users WHERE name = '" + req.query.name + "'")
      }`,
  })
  const { call } = start(context, folder, {}, ['--config', 'other.ts'])
  assert.match(await call('explain_operation'), /named\.ts/)
  assert.match(await call('read_schema'), /interface Rows/)
  assert.doesNotMatch(await call('review_path'), /string-sql/)
  assert.match(await start(context, folder).call('review_path'), /string-sql/)
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
    /"x"; there is spend/,
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
