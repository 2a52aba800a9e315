import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import pg from 'pg'
import { isFault } from '../../base/fault.ts'
import { findPackage } from './binaries.ts'
import { type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded-postgres.ts'
import { serverAccount } from './server-account.ts'
import { ensureDatabase } from './server-handle.ts'
import { temporaryBases } from './test-server.ts'

/** initdb takes a second: one project is initialised and the others are copies of it. */
const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function emptyProject(): string {
  const folder = mkdtempSync(join(temporaryBases()[0] ?? tmpdir(), 'holdfast-project-'))
  folders.push(folder)
  chmodSync(folder, 0o755)
  return folder
}

const initialised = (async () => {
  const folder = emptyProject()
  const server = await startEmbeddedPostgres({ projectDir: folder })
  await server.stop()
  return folder
})()

async function project(): Promise<string> {
  const folder = emptyProject()
  const copy = spawn('cp', ['-a', `${await initialised}/.holdfast`, folder])
  await once(copy, 'exit')
  return folder
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = await connected(url)
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Resolves when the server closes a connection, which it does when it ends. */
async function endOfServer(url: string): Promise<() => Promise<unknown>> {
  const client = await connected(url)
  // Not `once`: it rejects on the error that comes before.
  const ended = new Promise((resolve) => client.once('end', resolve))
  return () => ended
}

interface User {
  readonly process: ChildProcess
  readonly port: number
  readonly pid: number
  readonly url: string
}

/** Another process that uses the server until it is told to end. */
async function startUser(projectDir: string, options: { uid?: number } = {}): Promise<User> {
  const module = new URL('./embedded-postgres.ts', import.meta.url).href
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)})
    const server = await startEmbeddedPostgres({ projectDir: ${JSON.stringify(projectDir)} })
    console.log(JSON.stringify({ port: server.port, pid: server.pid, url: server.url() }))
    setInterval(() => {}, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { process: child, ...JSON.parse(line) }
}

async function kill(user: User, signal: NodeJS.Signals): Promise<void> {
  const exited = once(user.process, 'exit')
  user.process.kill(signal)
  await exited
}

function state(folder: string): { keeperPid: number; pid: number; token: string } {
  return JSON.parse(readFileSync(join(folder, '.holdfast/postgres.json'), 'utf8'))
}

const isRoot = process.getuid?.() === 0

test('it gives a login role without superuser rights, and its database', async () => {
  const server = await startEmbeddedPostgres({ projectDir: await project() })
  assert.deepEqual(
    await ask(
      server.url(),
      `SELECT current_user::text AS role, current_database() AS database, rolsuper, rolbypassrls,
              pg_get_userbyid(datdba)::text AS owner, datcollate, current_setting('fsync') AS fsync
         FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`,
    ),
    [
      {
        role: 'holdfast',
        database: 'holdfast',
        rolsuper: false,
        rolbypassrls: false,
        owner: 'holdfast',
        datcollate: 'C',
        fsync: 'on',
      },
    ],
  )
  await ensureDatabase(server, 'another')
  await Promise.all([ensureDatabase(server, 'third'), ensureDatabase(server, 'third')])
  assert.deepEqual(await ask(server.url('third'), 'SELECT current_database() AS name'), [
    { name: 'third' },
  ])
  await server.stop()
})

test('nobody gets in without the password, and the files that hold it are private', async () => {
  const folder = await project()
  const server = await startEmbeddedPostgres({ projectDir: folder })
  const bare = new URL(server.url())
  bare.password = 'wrong'
  await assert.rejects(ask(bare.href, 'SELECT 1'), { code: '28P01' })
  assert.equal(statSync(join(folder, '.holdfast/postgres.json')).mode & 0o777, 0o600)
  assert.equal(statSync(join(folder, '.holdfast/postgres/18/secret.json')).mode & 0o777, 0o600)
  assert.equal(statSync(join(folder, '.holdfast/postgres/18')).mode & 0o777, 0o700)
  await server.stop()
})

test('it stops with its last user and comes back with its data on the same port', async () => {
  const projectDir = await project()
  const first = await startEmbeddedPostgres({ projectDir })
  await ask(first.url(), 'CREATE TABLE kept AS SELECT 1 AS id')
  await first.stop()
  await first.stop()
  assert.ok(!existsSync(join(projectDir, '.holdfast/postgres.json')))
  await assert.rejects(ask(first.url(), 'SELECT 1'), { code: 'ECONNREFUSED' })

  const second = await startEmbeddedPostgres({ projectDir })
  assert.equal(second.port, first.port)
  assert.deepEqual(await ask(second.url(), 'SELECT id FROM kept'), [{ id: 1 }])
  await second.stop()
})

test('two processes that start at once on an empty project share one server', async () => {
  const folder = emptyProject()
  const users = await Promise.all([startUser(folder), startUser(folder)])
  assert.equal(users[0].pid, users[1].pid)
  const ended = await endOfServer(users[0].url)
  await Promise.all(users.map((user) => kill(user, 'SIGKILL')))
  await ended()
})

test('it stays while another process uses it, and ends when the last is killed', async () => {
  const projectDir = await project()
  const owner = await startUser(projectDir)
  const other = await startEmbeddedPostgres({ projectDir })
  assert.equal(other.pid, owner.pid)
  await kill(owner, 'SIGKILL')
  assert.deepEqual(await ask(other.url(), 'SELECT 1 AS one'), [{ one: 1 }])

  const third = await startUser(projectDir)
  await other.stop()
  const ended = await endOfServer(third.url)
  await kill(third, 'SIGKILL')
  await ended()
})

test('an interrupt of the app does not reach the server before the app has ended', async () => {
  const user = await startUser(await project())
  const ended = await endOfServer(user.url)
  await kill(user, 'SIGINT')
  await ended()
})

test('a killed keeper leaves the server running, and the next one takes it over', async (t) => {
  const projectDir = await project()
  const server = await startEmbeddedPostgres({ projectDir })
  const before = state(projectDir)
  process.kill(before.keeperPid, 'SIGKILL')
  await t.waitFor(() => assert.notEqual(state(projectDir).token, before.token), { timeout: 20_000 })
  assert.equal(state(projectDir).pid, before.pid)
  await ask(server.url(), 'SELECT 1')
  const second = await startEmbeddedPostgres({ projectDir })
  assert.equal(second.pid, before.pid)
  const ended = await endOfServer(server.url())
  await second.stop()
  await server.stop()
  await ended()
})

test('a killed server comes back on its port with what was committed', async (t) => {
  const projectDir = await project()
  const server = await startEmbeddedPostgres({ projectDir })
  await ask(server.url(), 'CREATE TABLE kept AS SELECT 1 AS id')
  const ended = await endOfServer(server.url())
  process.kill(server.pid, 'SIGKILL')
  await ended()
  const rows = await t.waitFor(() => ask(server.url(), 'SELECT id FROM kept'), { timeout: 20_000 })
  assert.deepEqual(rows, [{ id: 1 }])
  await server.stop()
})

test('it starts after everything was killed, its pid file left to a stranger', async () => {
  const projectDir = await project()
  const user = await startUser(projectDir)
  const ended = await endOfServer(user.url)
  const { keeperPid, pid } = state(projectDir)
  process.kill(keeperPid, 'SIGKILL')
  await kill(user, 'SIGKILL')
  process.kill(pid, 'SIGKILL')
  await ended()
  // Of the server's own user: Postgres takes any such process for another server.
  const stranger = spawn('tail', ['-f', '/dev/null'], { ...serverAccount(), stdio: 'ignore' })
  const pidFile = join(projectDir, '.holdfast/postgres/18/data/postmaster.pid')
  const stolen = readFileSync(pidFile, 'utf8').replace(String(pid), String(stranger.pid))
  writeFileSync(pidFile, stolen)
  try {
    await visit(projectDir)
  } finally {
    stranger.kill()
  }
})

test('it takes another port where its own is in use', async () => {
  const projectDir = await project()
  const first = await startEmbeddedPostgres({ projectDir })
  await first.stop()
  const thief = createServer().listen({ host: '127.0.0.1', port: first.port })
  await once(thief, 'listening')
  const second = await startEmbeddedPostgres({ projectDir })
  assert.notEqual(second.port, first.port)
  await second.stop()
  thief.close()
})

test('it starts over what killed processes have left: half a data folder, locks, a torn state', async () => {
  const projectDir = emptyProject()
  const half = join(projectDir, '.holdfast/postgres/18.part-left')
  const lock = join(projectDir, '.holdfast/postgres.lock')
  mkdirSync(join(half, 'data'), { recursive: true })
  mkdirSync(lock)
  utimesSync(lock, 0, 0)
  writeFileSync(join(projectDir, '.holdfast/postgres.json'), '{"port":')
  const server = await startEmbeddedPostgres({ projectDir })
  await ask(server.url(), 'SELECT 1')
  await server.stop()
  assert.ok(!existsSync(half))
})

test('a platform without binaries is named, with those that have them', () => {
  const refused = (platform: string, code: 'HF_EMBEDDED_UNSUPPORTED' | 'HF_EMBEDDED_MISSING') =>
    assert.throws(
      () => findPackage(platform),
      (error) => isFault(error, code) && /DATABASE_URL/.test(error.message),
    )
  refused('win32-x64', 'HF_EMBEDDED_UNSUPPORTED')
  const other = process.platform === 'darwin' ? 'linux-x64' : 'darwin-x64'
  refused(other, 'HF_EMBEDDED_MISSING')
})

async function refusal(options: EmbeddedPostgresOptions): Promise<string> {
  try {
    await startEmbeddedPostgres(options)
  } catch (error) {
    if (isFault(error)) return error.message
    throw error
  }
  assert.fail('It started.')
}

test('a folder that cannot be used is named', async () => {
  const projectDir = emptyProject()
  writeFileSync(join(projectDir, '.holdfast'), 'not a folder')
  assert.match(await refusal({ projectDir }), /^HF_EMBEDDED_FOLDER: Cannot write to .*\.holdfast/)
})

test('a server that refuses to start says why', async () => {
  const projectDir = await project()
  writeFileSync(
    join(projectDir, '.holdfast/postgres/18/data/postgresql.conf'),
    'no_such_setting = 1\n',
  )
  assert.match(await refusal({ projectDir }), /^HF_EMBEDDED_START: .*no_such_setting/s)
})

/** As root: a project that an unprivileged user cannot reach. */
function privateProject(): string {
  const home = emptyProject()
  chmodSync(home, 0o700)
  const projectDir = join(home, 'project')
  mkdirSync(projectDir)
  return projectDir
}

interface Visit {
  readonly dataDir: string
  readonly told: readonly string[]
}

/** Starts the server of a project, asks it and stops it. */
async function visit(projectDir: string, text = 'SELECT 1'): Promise<Visit> {
  const told: string[] = []
  const server = await startEmbeddedPostgres({ projectDir, notify: (line) => told.push(line) })
  await ask(server.url(), text)
  await server.stop()
  return { dataDir: server.dataDir, told }
}

test('as root below a private folder the data lie elsewhere, and move with the project', {
  skip: !isRoot,
}, async () => {
  const projectDir = privateProject()
  const first = await visit(projectDir, 'CREATE TABLE kept AS SELECT 1 AS id')
  assert.ok(first.dataDir.startsWith('/var/tmp/'))
  assert.match(first.told.join(), /^An unprivileged user cannot reach [^,]+$/)
  assert.deepEqual((await visit(projectDir)).told, [])

  const moved = `${projectDir}-moved`
  renameSync(projectDir, moved)
  assert.deepEqual(await visit(moved, 'SELECT id FROM kept'), { dataDir: first.dataDir, told: [] })

  const copy = `${projectDir}-copy`
  cpSync(moved, copy, { recursive: true })
  const copied = await visit(copy)
  assert.notEqual(copied.dataDir, first.dataDir)

  rmSync(moved, { recursive: true })
  rmSync(copy, { recursive: true })
  const next = await visit(privateProject())
  for (const { dataDir } of [first, copied]) assert.ok(!existsSync(dataDir))
  folders.push(join(next.dataDir, '../../..'))
})

test('the data of another major version are left and named', async () => {
  const projectDir = emptyProject()
  mkdirSync(join(projectDir, '.holdfast/postgres/17'), { recursive: true })
  const { told } = await visit(projectDir)
  assert.match(told.join(), /^Postgres 18 starts empty; the data of version 17 stay in /)
})

test('root uses the server of an ordinary user as that user', { skip: !isRoot }, async () => {
  const projectDir = emptyProject()
  chownSync(projectDir, 65534, 65534)
  const user = await startUser(projectDir, { uid: 65534 })
  const ended = await endOfServer(user.url)
  await kill(user, 'SIGKILL')
  await ended()
  const server = await startEmbeddedPostgres({ projectDir })
  await ask(server.url(), 'SELECT 1')
  await server.stop()
  const again = await startUser(projectDir, { uid: 65534 })
  const over = await endOfServer(again.url)
  await kill(again, 'SIGKILL')
  await over()
})
