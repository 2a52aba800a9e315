/**
 * d. Start-up: importing the built package, an API that answers on an existing database, each in a
 * fresh process; and `npm start` of the shop, the second time.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type InstalledPackage, installPackage } from './lib/installed.ts'
import { median, table } from './lib/statistics.ts'
import type { Plan } from './place-order.ts'

const START = `
import { once } from 'node:events'
// An import of it would load the client behind fetch as well.
const { get } = process.getBuiltinModule('node:http')
const { performance } = globalThis
const before = performance.now()
const { anyPrincipal, defineQuery, holdfast, loadConfig, startApp } = await import('holdfast')
const importMs = performance.now() - before
const { z } = await import('zod')
const builder = holdfast()
const Ping = defineQuery({ name: 'ping.ping', http: 'GET /v1/ping', input: z.object({}), output: z.object({ ok: z.boolean() }) })
const ping = {
  module: builder.defineModule({ name: 'ping' }),
  Ping,
  handle: builder.handle(Ping, { allow: anyPrincipal, run: () => ({ ok: true }) }),
}
const app = builder.defineApp({ modules: [ping] })
const running = await startApp(app, { config: loadConfig(process.env) })
const [{ statusCode: status }] = await once(get(running.apiUrl + '/health/ready'), 'response')
process.send({ importMs, readyMs: performance.now(), status })
`

interface Started {
  readonly importMs: number
  /** Since the process began. */
  readonly readyMs: number
  readonly status: number
}

export async function startUp(url: string, plan: Plan): Promise<string> {
  const installed = installPackage()
  try {
    writeFileSync(join(installed.folder, 'start.mjs'), START)
    const plain = await measure(installed, url, plan.rounds * 2, {})
    const cache = join(installed.folder, 'compile-cache')
    const cached = await measure(installed, url, plan.rounds * 2, { NODE_COMPILE_CACHE: cache })
    return table(
      ['start-up, built package', 'plain', 'with NODE_COMPILE_CACHE', 'floor', 'aim'],
      [
        row('import of holdfast, ms', plain, cached, ({ importMs }) => importMs, 250, 150),
        row(
          'API ready, ms from the start of node',
          plain,
          cached,
          ({ readyMs }) => readyMs,
          600,
          400,
        ),
      ],
    )
  } finally {
    installed.remove()
  }
}

function row(
  name: string,
  plain: readonly Started[],
  cached: readonly Started[],
  pick: (started: Started) => number,
  floor: number,
  aim: number,
): string[] {
  const of = (samples: readonly Started[]) => median(samples.map(pick)).toFixed(0)
  return [name, of(plain), of(cached), `<= ${floor}`, `<= ${aim}`]
}

async function measure(
  { folder }: InstalledPackage,
  url: string,
  runs: number,
  env: Readonly<Record<string, string>>,
): Promise<readonly Started[]> {
  const samples: Started[] = []
  // The first fills what the operating system, and the compile cache, keep.
  for (let run = -1; run < runs; run++) {
    const started = await startOnce(folder, url, env)
    if (started.status !== 200) throw new Error(`not ready: ${started.status}`)
    if (run >= 0) samples.push(started)
  }
  return samples
}

async function startOnce(folder: string, url: string, env: object): Promise<Started> {
  const child = fork(join(folder, 'start.mjs'), {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env.PATH,
      HOLDFAST_ENV: 'production',
      DATABASE_URL: url,
      SIGNING_SECRET: 'bench-only-bench-only-bench-only-bench-only',
      PORT: '0',
      ADMIN_PORT: '0',
      ...env,
    },
  })
  const [started] = await once(child, 'message')
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  return started as Started
}
