import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { processLines } from '../../test/process-lines.ts'
import { testDatabase } from '../testing/test-database.ts'

const source = (path: string) => new URL(`../${path}`, import.meta.url).href

/** An app that keeps a timer of its own, as many do. */
const program = (
  last: string,
) => `import { holdfast, loadConfig, startApp } from '${source('index.ts')}'
import { migrate } from '${source('database/migrate/migrate.ts')}'
import { migrationSources } from '${source('app/sources.ts')}'
import { buildRegistry } from '${source('operation/registry.ts')}'
const app = holdfast().defineApp({ modules: [] })
await migrate({ url: process.env.DATABASE_URL, sources: migrationSources(buildRegistry(app)) })
const running = await startApp(app, { config: loadConfig(process.env) })
running.shutdown.install()
setInterval(() => {}, 60_000)
${last}`

async function started(t: TestContext, last: string, more: NodeJS.ProcessEnv = {}) {
  const database = await testDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-ends-'))
  const file = join(folder, 'main.ts')
  writeFileSync(file, program(last))
  const { PATH } = process.env
  const env = {
    PATH,
    DATABASE_URL: database.url,
    PORT: '0',
    ADMIN_PORT: '0',
    SHUTDOWN_LEAD_MS: '0',
    ...more,
  }
  const child = spawn(process.execPath, [file], { env })
  t.after(async () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
    await database[Symbol.asyncDispose]()
  })
  return {
    child,
    lines: processLines(child),
    exited: once(child, 'exit', { signal: AbortSignal.timeout(20_000) }),
  }
}

test('a failure that nobody caught ends the process with 1, whatever it still holds', async (t) => {
  const { lines, exited } = await started(t, `throw new Error('by mistake')`)
  await lines.until(/a failure that nobody caught.*|by mistake/)
  assert.deepEqual(await exited, [1, null])
})

test('a signal ends it with 0', async (t) => {
  const { child, lines, exited } = await started(t, `console.log('the app is up')`)
  await lines.until(/^the app is up$/)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('a log that nobody reads any more is lost, and the service goes on', async (t) => {
  const { child, lines, exited } = await started(t, 'console.error("at", running.apiUrl)')
  const [, url] = await lines.until(/^at (\S+)$/)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const closed = once(child.stdout, 'close')
  child.stdout.destroy()
  await closed
  // Each is logged; what the first brings about would meet the second.
  for (const path of ['a', 'b', 'c']) {
    const reply = await fetch(`${url}/${path}`)
    assert.equal(reply.status, 404)
    await reply.arrayBuffer()
  }
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  assert.equal(complaints, '')
})

test('a port that is taken is told by its variable, and ends it with 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { lines, exited } = await started(t, '', { PORT: String(port) })
  await lines.until(
    /HF_CONFIG_INVALID: Another program listens on 127\.0\.0\.1:\d+\. Stop it, or set PORT\./,
  )
  assert.deepEqual(await exited, [1, null])
})
