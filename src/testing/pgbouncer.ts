/** PgBouncer in transaction mode with two server connections, where it is installed: for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDatabase } from './test-database.ts'

export interface PgBouncer {
  readonly url: string
  close(): Promise<unknown>
}

/** Where Debian, other Linuxes and Homebrew put it; undefined where it is not installed. */
export const pgBouncer = [
  '/usr/sbin/pgbouncer',
  '/usr/bin/pgbouncer',
  '/opt/homebrew/bin/pgbouncer',
].find((path) => existsSync(path))

/** Any client may log in and works as the role of the database's URL. */
function configuration(database: TestDatabase, port: number): string {
  const { hostname, port: serverPort, username, password } = new URL(database.url)
  const target = `host=${hostname} port=${serverPort} user=${username} password='${decodeURIComponent(password)}'`
  return `[databases]
* = ${target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
`
}

export async function startPgBouncer(database: TestDatabase): Promise<PgBouncer> {
  if (pgBouncer === undefined) throw new Error('PgBouncer is not installed.')
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-pgbouncer-'))
  const port = await freePort()
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(file, configuration(database, port))
  await chmod(folder, 0o755)
  // It refuses to run as root.
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const child = spawn(pgBouncer, [file], { stdio: ['ignore', 'ignore', 'pipe'], ...nobody })
  await listening(child)
  const url = new URL(database.url)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return {
    url: url.href,
    close: async () => {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGINT')
      await exited
      await rm(folder, { recursive: true })
    },
  }
}

/** Its log says so: `process up` behind the sockets it listens on. */
function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.stderr?.on('data', (bytes) => {
      log += bytes
      if (log.includes('process up')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`PgBouncer ended:\n${log}`)))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
