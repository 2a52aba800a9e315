import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { migrationSources } from '../../src/app/sources.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import { testDatabase } from '../../src/testing/test-database.ts'
import { app } from './app.ts'
import { seed } from './seed.ts'
import { startSmtpSink } from './smtp-sink-process.ts'

const program = fileURLToPath(new URL('./main.ts', import.meta.url))

function start(env: NodeJS.ProcessEnv): ChildProcess {
  const { PATH } = process.env
  return fork(program, { env: { PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
}

test('wrong settings are told at once, with the way to mend them and no stack', async () => {
  for (const [env, complaint] of [
    [{ PORT: 'eighty', REQUEST_TIMEOUT_MS: '-1' }, /PORT must be .*REQUEST_TIMEOUT_MS must be/s],
    [{ SMTP_URL: 'mail.example' }, /SMTP_URL must be/],
    [{ SMTP_URL: 'smtp://127.0.0.1:1' }, /PAYMENTS_URL must be/],
  ] as const) {
    const child = start(env)
    const told = [child.stdout, child.stderr].map((stream) => text(stream as Readable))
    const [code] = await once(child, 'exit')
    const [out, err] = await Promise.all(told)
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err ?? '', complaint)
    assert.doesNotMatch(err ?? '', /^\s+at /m)
  }
})

test('an order survives a kill, and the next process goes on where it was', async (t) => {
  await using database = await testDatabase()
  await migrate({ url: database.url, sources: migrationSources(buildRegistry(app)) })
  const size = { products: 50, orders: 20, customers: 5 }
  const sizes = { acme: size, globex: size }
  const { keys, sku } = await seed({ url: database.url, sizes })
  const folder = mkdtempSync(join(tmpdir(), 'shop-main-'))
  const sink = await startSmtpSink(join(folder, 'mail.jsonl'))
  t.after(async () => {
    await sink.stop()
    rmSync(folder, { recursive: true })
  })

  const env = {
    HOLDFAST_ENV: 'test',
    DATABASE_URL: database.url,
    SMTP_URL: sink.url,
    PAYMENTS_URL: 'http://127.0.0.1:9',
    PAYMENTS_ACCOUNTS: '[]',
    PORT: '0',
    ADMIN_PORT: '0',
    LOG_LEVEL: 'silent',
  }
  const idempotencyKey = randomUUID()
  const order = async (child: ChildProcess) => {
    const [{ api }] = (await once(child, 'message')) as [{ api: string }]
    const response = await fetch(`${api}/v1/orders`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${keys[0]?.key}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify({ lines: [{ sku, quantity: 1 }] }),
    })
    return { status: response.status, body: await response.text() }
  }

  const first = start(env)
  const placed = await order(first)
  assert.equal(placed.status, 201)
  first.kill('SIGKILL')
  await once(first, 'exit')

  const second = start(env)
  assert.deepEqual(await order(second), placed)
  second.kill('SIGTERM')
  const [code] = await once(second, 'exit')
  assert.equal(code, 0)
})
