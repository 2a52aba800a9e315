import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testDatabase } from '../testing/test-database.ts'
import { main } from './main.ts'

const CONFIG = new URL('./config.ts', import.meta.url).href

interface Project {
  readonly folder: string
  /** Runs a command in the project: exit code, standard output, standard error. */
  run(
    line: string,
    env?: Record<string, string>,
  ): Promise<{ code: number; out: string; err: string }>
}

async function project(context: TestContext, files: Record<string, string> = {}): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'))
  context.after(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'ordering/migrations'), { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return {
    folder,
    async run(line, env = {}) {
      const out: string[] = []
      const err: string[] = []
      const terminal = {
        env,
        cwd: folder,
        out: (text: string) => void out.push(text),
        err: (text: string) => void err.push(text),
      }
      const code = await main(line.split(' ').filter(Boolean), terminal)
      return { code, out: out.join('\n'), err: err.join('\n') }
    },
  }
}

const CONFIGURED = {
  'holdfast.config.ts': `import { defineConfig } from '${CONFIG}'
    export const config = defineConfig({
      migrations: [{ name: 'ordering', directory: './ordering/migrations' }],
      types: './database.ts',
    })`,
}

test('misuse exits with 2 and says what was meant', async (context) => {
  const { run } = await project(context, CONFIGURED)
  const cases: [line: string, message: RegExp][] = [
    ['', /A command is missing: migrate status, migrate up, migrate new, types/],
    ['migrate', /one of: migrate status, migrate up, migrate new/],
    ['migrate stauts', /did you mean "migrate status"\?/],
    ['tpyes', /did you mean "types"\?/],
    ['frobnicate', /There is no command "frobnicate"\./],
    ['types --chekc', /--chekc is unknown; did you mean "--check"\?/],
    ['types --constructor', /--constructor is unknown/],
    ['types --check=yes', /--check takes no value/],
    ['types --config', /--config needs a value/],
    ['types now', /"now" is too much/],
    ['migrate up --check', /--check is unknown/],
    ['migrate new ordering', /<name\.\.\.> is missing/],
    ['migrate new orderign x', /There is no module "orderign"; did you mean "ordering"\?/],
    ['--config nowhere.ts types', /nowhere\.ts/],
    ['mcp --config nowhere.ts', /HF_PROJECT_INVALID: There is no file \S*nowhere\.ts\./],
    ['advise pool --config nowhere.ts', /There is no file \S*nowhere\.ts\./],
  ]
  for (const [line, message] of cases) {
    const { code, out, err } = await run(line)
    assert.deepEqual([code, out], [2, ''], line)
    assert.match(err, message)
    assert.doesNotMatch(err, /\n\s+at /)
  }
})

test('help is for one command, for a group, or for all', async (context) => {
  const { run } = await project(context)
  const all = await run('--help')
  assert.match(
    all.out,
    /^Usage: holdfast <command> \[options\]\n[\s\S]*holdfast types[\s\S]*DATABASE_URL/,
  )
  assert.equal((await run('frobnicate --help')).out, all.out)
  const one = await run('migrate status --help')
  assert.match(
    one.out,
    /^Usage: holdfast migrate status\n[\s\S]*--check[\s\S]*1 {2}with --check: .*; or it failed/,
  )
  assert.doesNotMatch(one.out, /migrate up/)
  assert.match(
    (await run('migrate --help')).out,
    /migrate status[\s\S]*migrate up[\s\S]*migrate new/,
  )
})

test('a project file that is missing or wrong exits with 2', async (context) => {
  const none = await project(context)
  assert.match((await none.run('types')).err, /There is no holdfast\.config\.ts.*defineConfig/s)
  const wrong: [text: string, message: RegExp][] = [
    ['export default {}', /no named export/],
    ['export const config = {', /cannot be read/],
    ['export const config = { migration: [] }', /did you mean "migrations"/],
    ['export const config = {}', /migrations must be a list/],
    [`export const config = { migrations: [{ name: 'A b', directory: '.' }] }`, /"A b"/],
    [`export const config = { migrations: [{ name: 'holdfast', directory: '.' }] }`, /"holdfast"/],
    [`export const config = { migrations: [{ name: 'a' }] }`, /directory of a must be/],
  ]
  for (const [text, message] of wrong) {
    const { run } = await project(context, { 'holdfast.config.ts': text })
    const { code, err } = await run('types')
    assert.equal(code, 2, text)
    assert.match(err, message)
  }
})

test('a database URL that is missing in production or none exits with 2 and is not shown', async (context) => {
  const { run } = await project(context, CONFIGURED)
  const missing = await run('migrate status', { HOLDFAST_ENV: 'production' })
  assert.deepEqual([missing.code, /DATABASE_URL is missing/.test(missing.err)], [2, true])
  const wrong = await run('migrate status', { DATABASE_URL: 'mysql://root:geheim@db/shop' })
  assert.equal(wrong.code, 2)
  assert.doesNotMatch(wrong.err, /geheim/)
})

test('who migrates as a superuser is warned before anything is applied', async (context) => {
  const database = await testDatabase()
  context.after(() => database.drop())
  const { folder, run } = await project(context, CONFIGURED)
  const env = { DATABASE_URL: database.url, HOLDFAST_ENV: 'production' }
  assert.doesNotMatch((await run('migrate up', env)).err, /HF_ROLE_UNSAFE/)
  await run('migrate new ordering first')
  await writeFile(join(folder, 'ordering/migrations/0001_first.sql'), 'SELECT 1;')
  const { code, err } = await run('migrate up', { ...env, DATABASE_URL: database.adminUrl })
  assert.equal(code, 0)
  assert.match(
    err,
    /^No app starts as the role of this run, .*HF_ROLE_UNSAFE: .* is a superuser\..*ALTER DATABASE .*Applying migration/s,
  )
})

test('from a new migration to types that are current', async (context) => {
  const database = await testDatabase()
  context.after(() => database.drop())
  const env = { DATABASE_URL: 'postgres://127.0.0.1:1/pooler', DATABASE_DIRECT_URL: database.url }
  const { folder, run } = await project(context, CONFIGURED)

  const created = await run('migrate new ordering create orders')
  assert.deepEqual(created, { code: 0, out: 'ordering/migrations/0001_create_orders.sql', err: '' })
  const migration = join(folder, created.out)
  await writeFile(migration, 'CREATE TABLE orders (\n  id uuid,\n  total itn\n);')

  const failed = await run('migrate up', env)
  assert.equal(failed.code, 1)
  assert.match(
    failed.err,
    /0001_create_orders\.sql failed at line 3, column 9: type "itn" does not/,
  )
  assert.match((await run('types --check', env)).err, /HF_MIGRATION_PENDING.*0001_create_orders/)

  await writeFile(migration, 'CREATE TABLE orders (\n  id uuid,\n  total int\n);')
  const applied = await run('migrate up', env)
  assert.equal(applied.code, 0)
  assert.match(
    applied.out,
    /^Before: .*1 pending\.\n {2}applied ordering\/0001_create_orders\nAfter: \d+ applied\.\ndatabase\.ts is written\.$/,
  )
  assert.match((await run('migrate up', env)).out, /database\.ts is current\.$/)
  assert.equal((await run('types --check', env)).code, 0)
  assert.equal((await run('migrate status --check', env)).code, 0)

  await run('migrate new ordering add note')
  const second = 'ALTER TABLE orders ADD note text; ALTER TABLE orders ADD tenant_id text;'
  await writeFile(join(folder, 'ordering/migrations/0002_add_note.sql'), second)
  const stale = await run('migrate status --check', env)
  assert.match(stale.out, /ordering +0002_add_note +pending/)
  assert.deepEqual([stale.code, /0002_add_note \(pending\)/.test(stale.err)], [1, true])

  // In production the sources stay as they are; a table that would leak fails the run.
  const leaking = await run('migrate up', { ...env, HOLDFAST_ENV: 'production' })
  assert.equal(leaking.code, 1)
  assert.match(leaking.err, /Error: public\.orders: row level security is off\.\n {4}ALTER TABLE/)
  const drift = await run('types --check', env)
  assert.equal(drift.code, 1)
  assert.match(
    drift.err,
    /HF_TYPES_STALE: database\.ts differs:\n.*\n\+ {3}note: string \| null\n/s,
  )
  assert.equal((await run('types', env)).code, 0)
  assert.match(await readFile(join(folder, 'database.ts'), 'utf8'), /note: string \| null/)
})

test('the command starts, and its exit code is that of the process', () => {
  const bin = fileURLToPath(new URL('../../bin/holdfast.mjs', import.meta.url))
  const start = (...args: string[]) =>
    spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' })
  const help = start('--help')
  assert.equal(help.status, 0)
  assert.match(help.stdout, /holdfast migrate new <module> <name\.\.\.>/)
  assert.match(start('--version').stdout, /^holdfast \d+\.\d+\.\d+, Node v\d+/)
  const unknown = start('migrate', 'dwon')
  assert.deepEqual([unknown.status, unknown.stdout], [2, ''])
  assert.match(unknown.stderr, /^HF_USAGE: There is no command "migrate dwon"/)
})
