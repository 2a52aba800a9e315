import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { startTestServer } from './test-server.ts'

async function connected(url: string): Promise<{ client: pg.Client; ended: Promise<unknown> }> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  const ended = new Promise((resolve) => client.once('end', resolve))
  await client.connect()
  return { client, ended }
}

interface Foreign {
  readonly url: string
  readonly adminUrl: string
  readonly dataDir: string
}

/** A process with a test server of its own, killed as soon as it has said where. */
async function killedProcess(before: (server: Foreign) => Promise<void>): Promise<Foreign> {
  const module = new URL('./test-server.ts', import.meta.url).href
  const program = `
    const { startTestServer } = await import(${JSON.stringify(module)})
    const server = await startTestServer()
    const { dataDir } = server
    console.log(JSON.stringify({ url: server.url(), adminUrl: server.adminUrl(), dataDir }))
    setInterval(() => {}, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  const server: Foreign = JSON.parse(line)
  await before(server)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return server
}

test('each call gives a server of its own, with the settings asked for', async () => {
  const [one, other] = await Promise.all([
    startTestServer(),
    startTestServer({ settings: { wal_level: 'logical' } }),
  ])
  assert.notEqual(one.port, other.port)
  const { client } = await connected(other.url())
  const { rows } = await client.query(
    `SELECT current_setting('wal_level') AS level, current_user::text AS role`,
  )
  assert.deepEqual(rows, [{ level: 'logical', role: 'holdfast' }])
  await client.end()
  await one.stop()
  await other.stop()
  assert.ok(!existsSync(one.dataDir))
})

test('the server of a killed process ends, and its data go', async (t) => {
  let ended: Promise<unknown> = Promise.resolve()
  const server = await killedProcess(async ({ url }) => {
    ended = (await connected(url)).ended
  })
  await ended
  await t.waitFor(() => assert.ok(!existsSync(server.dataDir)), { timeout: 20_000 })
})

test('what a killed keeper has left is removed by the next start', async (t) => {
  let ended: Promise<unknown> = Promise.resolve()
  const server = await killedProcess(async ({ dataDir, url }) => {
    ended = (await connected(url)).ended
    const { readKeeperState } = await import('./keeper-client.ts')
    process.kill(readKeeperState(`${dirname(dataDir)}/postgres.json`)?.keeperPid ?? 0, 'SIGKILL')
  })
  const next = await startTestServer()
  await ended
  // A start beside this one, of another test, may be removing it at the same time.
  await t.waitFor(() => assert.ok(!existsSync(server.dataDir)), { timeout: 20_000 })
  await next.stop()
})
