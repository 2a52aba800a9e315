/** One process and what it shows of itself: the code of the rules. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import type { Pool } from 'pg'
import type * as ApiVersioning from '../../src/rules/code/api-versioning/fixed.ts'
import type * as ClockArithmetic from '../../src/rules/code/clock-arithmetic/fixed.ts'
import type * as ConfigValidated from '../../src/rules/code/config-validated/fixed.ts'
import type * as ContractTests from '../../src/rules/code/contract-tests/fixed.ts'
import type * as Money from '../../src/rules/code/floating-point-money/fixed.ts'
import type * as Graceful from '../../src/rules/code/graceful-shutdown/fixed.ts'
import type * as Labels from '../../src/rules/code/high-cardinality-labels/fixed.ts'
import type * as Liveness from '../../src/rules/code/liveness-readiness/fixed.ts'
import type * as MiddlewareOrder from '../../src/rules/code/middleware-order/fixed.ts'
import type * as NoShutdown from '../../src/rules/code/missing-graceful-shutdown/fixed.ts'
import type * as NoHealth from '../../src/rules/code/missing-health-check/fixed.ts'
import type * as Problems from '../../src/rules/code/problem-details/fixed.ts'
import type * as RedUse from '../../src/rules/code/red-use-metrics/fixed.ts'
import type * as Validation from '../../src/rules/code/scattered-validation/fixed.ts'
import type * as BurnRate from '../../src/rules/code/slo-burn-rate/fixed.ts'
import type * as Logs from '../../src/rules/code/structured-logs/fixed.ts'
import type * as Swallowed from '../../src/rules/code/swallowed-error/fixed.ts'
import type * as SyncCpu from '../../src/rules/code/sync-cpu-on-event-loop/fixed.ts'
import type * as SyncFile from '../../src/rules/code/sync-file-processing/fixed.ts'
import type * as SyncFs from '../../src/rules/code/sync-fs-on-event-loop/fixed.ts'
import type * as TimeZones from '../../src/rules/code/time-zone-arithmetic/fixed.ts'
import type * as Environment from '../../src/rules/code/unvalidated-environment/fixed.ts'
import { executes, served } from './pair.ts'

executes<typeof Problems>('problem-details', ({ insufficientStock }) => {
  const { status, type, body } = insufficientStock('A-1')
  assert.ok(status >= 400)
  assert.equal(type, 'application/problem+json')
  assert.equal(JSON.parse(body).code, 'insufficient-stock')
})

executes<typeof ApiVersioning>('api-versioning', ({ reply }) => {
  const order = { id: 'ord_1', customer: { firstName: 'Ada', lastName: 'Lovelace' } }
  const { headers, body } = reply('v1', order)
  assert.deepEqual(body, { id: 'ord_1', name: 'Ada Lovelace' })
  assert.ok('sunset' in headers && 'deprecation' in headers)
})

executes<typeof ContractTests>('contract-tests', ({ reply, check }) => {
  assert.deepEqual(check(reply()), [])
  assert.deepEqual(check({ id: 'ord_1', total: '12.50' }), ['total'])
})

executes<typeof MiddlewareOrder>('middleware-order', ({ createPipeline }) => {
  const ran: string[] = []
  const step = (name: string, status?: number) => () => {
    ran.push(name)
    return status
  }
  const serve = createPipeline(step('parse'), step('authenticate', 401), step('limit'))
  assert.equal(serve({ body: 'ten megabytes' }), 401)
  assert.ok(!ran.includes('parse'), 'The body of a stranger was parsed.')
})

executes<typeof Validation>('scattered-validation', async ({ routes }) => {
  const written: unknown[] = []
  const db = { query: async (_sql: string, values: unknown) => void written.push(values) }
  const order = (quantity: unknown) =>
    served(
      (app) => routes(app, db as unknown as Pool),
      (app) =>
        app.inject({ method: 'POST', url: '/orders', payload: { sku: 'A-1', quantity } as object }),
    )
  assert.equal((await order(2)).statusCode, 201)
  for (const quantity of [-5, 1.5, 'x', undefined])
    assert.equal((await order(quantity)).statusCode, 422, `quantity ${quantity}`)
  assert.deepEqual(written, [['A-1', 2]])
})

executes<typeof Money>('floating-point-money', ({ isPaid }) => {
  assert.equal(isPaid(['0.10', '0.20'], '0.30'), true)
})

executes<typeof Logs>('structured-logs', ({ logOrder }) => {
  const lines: string[] = []
  logOrder((line) => void lines.push(line), { id: 'ord_1', cents: 1250 })
  assert.doesNotThrow(() => {
    const { message, cents, requestId } = JSON.parse(lines[0] ?? '')
    assert.deepEqual([message, cents, requestId], ['order placed', 1250, 'req_1'])
  })
})

executes<typeof RedUse>('red-use-metrics', ({ summary }) => {
  const durations = [...Array(97).fill(20), ...Array(3).fill(9_000)]
  assert.ok(summary(durations).latencyMs >= 9_000, 'Three in a hundred wait 9 s unseen.')
})

executes<typeof BurnRate>('slo-burn-rate', ({ isPage }) => {
  assert.equal(isPage({ errors: 1, requests: 20 }, { errors: 1, requests: 20_000 }), false)
  assert.equal(isPage({ errors: 30, requests: 1_000 }, { errors: 400, requests: 20_000 }), true)
})

executes<typeof Liveness>('liveness-readiness', ({ probe }) => {
  const away = { database: 'down' as const, isDraining: false }
  assert.equal(probe('live', away), 200, 'Every process is restarted for a database that is away.')
  assert.equal(probe('ready', away), 503)
  assert.equal(probe('ready', { database: 'up', isDraining: true }), 503)
})

executes<typeof Labels>('high-cardinality-labels', async ({ count }) => {
  const series = new Set<string>()
  const counter = { add: (_: number, labels?: object) => void series.add(JSON.stringify(labels)) }
  const routes = (app: FastifyInstance) =>
    app.get('/users/:id', async (request, reply) => count(counter, request, reply))
  await served(routes, async (app) => {
    for (let user = 0; user < 20; user++)
      await app.inject({ url: `/users/${user}`, headers: { 'x-user-id': `u${user}` } })
  })
  assert.ok(series.size <= 5, `${series.size} series`)
})

executes<typeof Swallowed>('swallowed-error', async ({ saveAll }) => {
  const full = async (item: string) => {
    if (item === 'b') throw new RangeError('too long')
  }
  assert.equal((await saveAll(['a', 'b', 'c'], full)).saved, 2)
  await assert.rejects(saveAll(['a'], () => Promise.reject(new Error('disk full'))))
})

executes<typeof ConfigValidated>('config-validated', ({ timeoutMs }) => {
  const env = { PAYMENT_TIMEOUT_MS: '2000', PAYMENT_URL: 'https://pay.example' }
  assert.equal(timeoutMs(env), 2_000)
  assert.throws(() => timeoutMs({}))
  assert.throws(() => timeoutMs({ ...env, PAYMENT_TIMEOUT_MS: '2' }))
})

executes<typeof Environment>('unvalidated-environment', ({ readPort, isDebug }) => {
  process.env.DEBUG = 'false'
  process.env.PORT = 'abc'
  assert.throws(readPort)
  assert.equal(isDebug(), false)
})

executes<typeof Graceful>('graceful-shutdown', async ({ stop }) => {
  const order: string[] = []
  const asked = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const server = createServer(async (_request, response) => {
    asked.resolve()
    await finish.promise
    order.push('request done')
    response.end('ok')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const request = fetch(`http://127.0.0.1:${port}`).then(
    (response) => response.text(),
    () => 'reset',
  )
  await asked.promise
  const pool = { end: async () => void order.push('pool ended') }
  const stopped = stop({
    server,
    failReadiness: () => void order.push('not ready'),
    pause: async () => void order.push('waited'),
    closeIdle: () => server.closeIdleConnections(),
    pool,
  })
  finish.resolve()
  const answer = await request
  await stopped
  server.close()
  assert.equal(answer, 'ok')
  assert.deepEqual(order, ['not ready', 'waited', 'request done', 'pool ended'])
})

executes<typeof NoShutdown>('missing-graceful-shutdown', async ({ run }) => {
  const signals = new EventEmitter()
  const did: string[] = []
  const app = fastify()
  app.addHook('onClose', async () => void did.push('closed'))
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  await run(app, 0, signals, (code) => {
    did.push(`exit ${code}`)
    resolve()
  })
  if (signals.emit('SIGTERM')) await ended
  else await app.close()
  assert.deepEqual(did, ['closed', 'exit 0'])
})

executes<typeof NoHealth>('missing-health-check', async ({ serve }) => {
  const app = fastify()
  await serve(app, 0, async () => false)
  const { statusCode } = await app.inject('/health/ready')
  await app.close()
  process.removeAllListeners('SIGTERM')
  assert.equal(statusCode, 503)
})

/** Whether other work got its turn meanwhile. */
async function leavesTurns(work: () => Promise<unknown>): Promise<boolean> {
  let turns = 0
  setImmediate(() => {
    turns += 1
  })
  await work()
  return turns > 0
}

executes<typeof SyncCpu>('sync-cpu-on-event-loop', async ({ deriveKey }) => {
  assert.ok(await leavesTurns(() => deriveKey('password', 'salt')))
})

executes<typeof SyncFs>('sync-fs-on-event-loop', async ({ template }) => {
  assert.ok(await leavesTurns(() => template(import.meta.filename)))
})

executes<typeof SyncFile>('sync-file-processing', async ({ countRows }) => {
  const path = join(tmpdir(), `holdfast-rules-${process.pid}.csv`)
  writeFileSync(path, 'sku,quantity\n'.repeat(5_000))
  const { rows, peakBytes } = await countRows(path)
  rmSync(path)
  assert.equal(rows, 5_000)
  assert.ok(peakBytes < 1_000, `${peakBytes} bytes at once`)
})

executes<typeof ClockArithmetic>('clock-arithmetic', async ({ measured }) => {
  let [wallMs, monotonicMs] = [1_000_000, 0]
  const clock = { nowMs: () => wallMs, monotonicMs: () => monotonicMs }
  const tookMs = await measured(clock, async () => {
    monotonicMs += 100
    wallMs += 100 - 1_000
  })
  assert.equal(tookMs, 100)
})

executes<typeof TimeZones>('time-zone-arithmetic', ({ sameTimeNextDay }) => {
  const nine = '2026-03-28T08:00:00.000Z'
  assert.equal(sameTimeNextDay(nine, 'Europe/Berlin'), '2026-03-29T07:00:00.000Z')
})

executes('unhandled-rejection', (_code, url) => {
  const script = `
    const { both } = await import(${JSON.stringify(url)})
    const fails = (turns) => async () => {
      for (let turn = 0; turn < turns; turn++) await null
      throw new Error('down')
    }
    await both(fails(5), fails(1)).catch(() => undefined)
    await new Promise(setImmediate)`
  const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script])
  assert.equal(status, 0, 'The process ended with all of its requests.')
})
