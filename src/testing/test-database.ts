/**
 * A fresh, empty database for one test, on a real server. The server is, in this order:
 *
 * 1. the one of the whole run, which `npm test` names in HOLDFAST_TEST_SERVER;
 * 2. the one of DATABASE_URL;
 * 3. an embedded one of this process, which ends with it.
 *
 * Names are `holdfast_test_<machine>_<pid>_<random>`, so that a later run on the same server can tell
 * which ones a crashed run has left, and drops only these.
 */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import pg from 'pg'
import { HoldfastError } from '../base/fault.ts'
import { uuidv7 } from '../base/id.ts'
import { ensureLoginRole, withAdmin } from '../database/embedded/login-role.ts'
import { startTestServer } from '../database/embedded/test-server.ts'
import { readSupportedVersion } from '../database/server-version.ts'
import { isProcessAlive } from '../runtime/process-liveness.ts'

/** A database of its own for one test; `await using` drops it. */
export interface TestDatabase {
  readonly name: string
  /** Logs in as a role that is no superuser and owns the database: what an app would use. */
  readonly url: string
  /** Logs in as superuser, into the same database. */
  readonly adminUrl: string
  /** Drops the database, connections included. Idempotent. */
  drop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How to log in to a server: `database` of both URLs is replaced as needed. */
export interface TestServer {
  readonly url: string
  readonly adminUrl: string
  /** The role of `url`. */
  readonly owner: string
}

const SERVER_VARIABLE = 'HOLDFAST_TEST_SERVER'
/** Its own name: a role `holdfast` on a server of yours has a password that is not ours to change. */
const TEST_ROLE = 'holdfast_test'

function machine(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
}

function newName(): string {
  return `holdfast_test_${machine()}_${process.pid}_${uuidv7().slice(-12)}`
}

/** Whether a database was left by a process of this machine that is gone. */
function isLeftover(name: string): boolean {
  const [, maker, pid] = /^holdfast_test_([0-9a-f]{8})_(\d+)_/.exec(name) ?? []
  return maker === machine() && !isProcessAlive(Number(pid))
}

function inDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

/** A URL without a host names a Unix socket in its parameters, and takes the role from there too. */
function asRole(url: string, name: string, password: string): string {
  const changed = new URL(url)
  if (changed.host === '') {
    changed.searchParams.set('user', name)
    changed.searchParams.set('password', password)
  } else {
    changed.username = name
    changed.password = password
  }
  return changed.href
}

interface Rights {
  readonly role: string
  readonly superuser: boolean
  readonly enough: boolean
}

async function rightsOf(client: pg.Client): Promise<Rights> {
  const { rows } = await client.query<Rights>(
    `SELECT rolname AS role, rolsuper AS superuser, rolcreatedb AND rolcreaterole AS enough
       FROM pg_roles WHERE rolname = current_user`,
  )
  return rows[0] as Rights
}

/**
 * A server of one's own: a superuser makes the test role; another role is used as it is, if it may
 * create databases and roles.
 */
export async function serverAt(adminUrl: string): Promise<TestServer> {
  return withAdmin(adminUrl, async (client) => {
    await readSupportedVersion(client)
    const { role, superuser, enough } = await rightsOf(client)
    if (!superuser && enough) return { url: adminUrl, adminUrl, owner: role }
    if (!superuser)
      throw new HoldfastError(
        'HF_TEST_DATABASE',
        `The role ${role} may not create databases and roles: ALTER ROLE ${role} CREATEDB CREATEROLE.`,
      )
    // The same for all processes of all runs, and known only to who knows the URL.
    const password = createHash('sha256').update(`${TEST_ROLE} ${adminUrl}`).digest('base64url')
    await ensureLoginRole(client, { name: TEST_ROLE, password })
    return { url: asRole(adminUrl, TEST_ROLE, password), adminUrl, owner: TEST_ROLE }
  })
}

async function findServer(): Promise<TestServer> {
  const given = process.env[SERVER_VARIABLE]
  if (given) return JSON.parse(given)
  const own = process.env.DATABASE_URL
  if (own) return serverAt(own)
  const server = await startTestServer()
  return { url: server.url(), adminUrl: server.adminUrl(), owner: 'holdfast' }
}

let shared: Promise<TestServer> | undefined

/** The server of this process, found or started at the first call. */
export function testServer(): Promise<TestServer> {
  shared ??= findServer()
  return shared
}

/** Sets the server for the processes that this one starts. */
export function shareTestServer(server: TestServer, env: NodeJS.ProcessEnv = process.env): void {
  env[SERVER_VARIABLE] = JSON.stringify(server)
}

/** Drops what crashed runs of this machine have left on the server. */
export function dropLeftovers(server: TestServer): Promise<number> {
  return withAdmin(server.adminUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `SELECT datname FROM pg_database WHERE datname LIKE 'holdfast\\_test\\_%'`,
    )
    const leftovers = rows.map(({ datname }) => datname).filter(isLeftover)
    for (const name of leftovers) await client.query(dropStatement(name))
    return leftovers.length
  })
}

function dropStatement(name: string): string {
  return `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`
}

function createStatement(name: string, owner: string): string {
  // Nobody can be connected to template0, which would make CREATE DATABASE fail.
  return `CREATE DATABASE ${pg.escapeIdentifier(name)} OWNER ${pg.escapeIdentifier(owner)} TEMPLATE template0`
}

/** Where the database is made. */
export interface TestDatabaseOptions {
  /** Instead of the server of this process. */
  readonly server?: TestServer
}

/** Makes a fresh, empty database. Drop it in `after`, or with `await using`. */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = options.server ?? (await testServer())
  const name = newName()
  await withAdmin(server.adminUrl, (client) => client.query(createStatement(name, server.owner)))
  let dropped: Promise<void> | undefined
  const drop = () => {
    dropped ??= withAdmin(server.adminUrl, async (client) => {
      await client.query(dropStatement(name))
    })
    return dropped
  }
  return {
    name,
    url: inDatabase(server.url, name),
    adminUrl: inDatabase(server.adminUrl, name),
    drop,
    [Symbol.asyncDispose]: drop,
  }
}
