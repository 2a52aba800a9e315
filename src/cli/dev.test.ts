import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { processLines } from '../../test/process-lines.ts'
import { testDatabase } from '../testing/test-database.ts'
import { isWatched } from './watch-folder.ts'

const source = (path: string) => new URL(`../${path}`, import.meta.url).href

const FILES = {
  'holdfast.config.ts': `import { defineConfig } from '${source('config.ts')}'
export const config = defineConfig({
  migrations: [{ name: 'notes', directory: './migrations' }],
  types: './database.ts',
})`,
  'migrations/0001_notes.sql': `CREATE TABLE notes (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(), id int NOT NULL, PRIMARY KEY (tenant_id, id));
ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON notes USING (tenant_id = holdfast.tenant());`,
  'answer.ts': `export const answer = 'first'`,
  'main.ts': `import { anyone, defineQuery, holdfast, loadConfig, sql, startApp } from '${source('index.ts')}'
import { z } from '${import.meta.resolve('zod')}'
import { answer } from './answer.ts'
const Get = defineQuery({ name: 'notes.get', http: 'GET /v1/answer', input: z.object({}), output: z.object({ answer: z.string() }) })
const builder = holdfast<{ db: object }>()
const get = builder.handle(Get, {
  allow: anyone,
  async run({ tx }) {
    await tx.query(sql\`SELECT relname FROM pg_catalog.pg_class LIMIT 1\`)
    return { answer }
  },
})
const module = builder.defineModule({ name: 'notes', migrations: new URL('./migrations/', import.meta.url) })
const app = builder.defineApp({ modules: [{ module, Get, get }] })
const running = await startApp(app, { config: loadConfig(process.env) })
running.shutdown.install()`,
}

/** `holdfast dev` in a folder with these files; gone when the test ends. */
function developing(t: TestContext, databaseUrl: string, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-dev-'))
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
  mkdirSync(join(folder, 'migrations'))
  for (const [path, text] of Object.entries(files)) write(path, text)
  const bin = fileURLToPath(new URL('../../bin/holdfast.mjs', import.meta.url))
  const child = spawn(process.execPath, [bin, 'dev'], {
    cwd: folder,
    env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, PORT: '0', ADMIN_PORT: '0' },
  })
  t.after(() => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  return { folder, write, child, lines: processLines(child), exited: once(child, 'exit') }
}

test('the app is started, started again at a change, and migrated where a migration comes', async (t) => {
  await using database = await testDatabase()
  const { folder, write, child, lines, exited } = developing(t, database.url, FILES)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const line = (pattern: RegExp) => lines.until(pattern)
  const answering = async () => (await line(/-- (http:\S+), admin \S+, answering after \d+ ms/))[1]
  const ask = async (api: string | undefined) => (await fetch(`${api}/v1/answer`)).json()

  assert.deepEqual(await ask(await answering()), { answer: 'first' })
  await line(/^ +sql {4}[\d.]+ ms {2}SELECT pg_catalog\.pg_class$/)
  await line(/^\S+ GET \/v1\/answer {2}200 {2}[\d.]+ ms, 1 trip {2}\S+$/)

  write('answer.ts', `export const answer = 'second'`)
  await line(/^-- answer\.ts changed$/)
  assert.deepEqual(await ask(await answering()), { answer: 'second' })

  write('answer.ts', 'export const answer = (')
  await line(/^-- it has ended with code 1; it is started again at the next change$/)

  write(
    'answer.ts',
    `import { HoldfastError } from '${source('index.ts')}'
export const answer = 'none'
throw new HoldfastError('HF_APP_INVALID', 'notes.get has two handlers.')`,
  )
  await line(/^-- answer\.ts changed$/)
  await line(/^HF_APP_INVALID: notes\.get has two handlers\. The message names .* start again\.$/)
  const [next] = await line(/.+/)
  assert.equal(next, '-- it has ended with code 1; it is started again at the next change')
  write('answer.ts', `export const answer = 'third'`)
  assert.deepEqual(await ask(await answering()), { answer: 'third' })

  write('migrations/0002_text.sql', 'ALTER TABLE notes ADD note text;')
  await line(/^-- applied notes\/0002_text$/)
  assert.deepEqual(await ask(await answering()), { answer: 'third' })
  assert.match(readFileSync(join(folder, 'database.ts'), 'utf8'), /note: string \| null/)

  child.kill('SIGINT')
  assert.deepEqual(await exited, [0, null])
  assert.match(said, / info {2}stopping/)
  assert.doesNotMatch(said, /step ended/)
})

test('a folder in which Node reads the app as CommonJS is told how it is mended', async (t) => {
  await using database = await testDatabase()
  const commonJs = '{ "name": "notes", "type": "commonjs" }'
  const configured = developing(t, database.url, { ...FILES, 'package.json': commonJs })
  await configured.lines.until(/^HF_PROJECT_INVALID: .*: npm pkg set type=module\./)
  const files = { 'main.ts': `import 'node:fs'; console.log('a module')`, 'package.json': commonJs }
  const { write, lines } = developing(t, database.url, files)
  await lines.until(/^-- package\.json says "type": "commonjs".*: npm pkg set type=module$/)
  write('package.json', '{ "name": "notes", "type": "module" }')
  await lines.until(/^a module$/)
})

test('sources and settings are watched; what is made or installed is not', () => {
  for (const path of ['app.ts', 'ordering/place.ts', 'a/migrations/0001_x.sql', '.env', 'x.json'])
    assert.ok(isWatched(path), path)
  for (const path of [
    'node_modules/x/a.js',
    '.holdfast/dev.json',
    '.git/index',
    'notes.md',
    'a.ts~',
  ])
    assert.ok(!isWatched(path), path)
})
