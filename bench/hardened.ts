/**
 * c. What one hardened request costs: authenticated, authorised, limited, validated, cut to its output
 * schema, counted and logged, against bare Fastify that does none of it. And the memory of an API
 * process after many requests.
 */
import { AppProcess } from './lib/app-process.ts'
import { installApps, installPackage } from './lib/installed.ts'
import { median, table } from './lib/statistics.ts'
import { type Keys, measure, type Plan, placeRequest, type Sample } from './place-order.ts'

const CONNECTIONS = 16
const PATH = '/v1/quotes/SKU-1?quantity=3'

const variants = [
  { name: 'holdfast, hardened', file: 'hardened.ts' },
  { name: 'bare fastify', file: 'peer-bare.ts' },
] as const

export async function hardened(url: string, keys: Keys, plan: Plan): Promise<string> {
  const text = `GET ${PATH} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${keys.holdfast}\r\n\r\n`
  const apps = await Promise.all(
    variants.map(({ file }) => AppProcess.start(file, file, url, { output: 'ignore' })),
  )
  const samples: Sample[] = []
  try {
    for (let round = -1; round < plan.rounds; round++) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0]
      for (const at of order) {
        const { name } = variants[at] as (typeof variants)[number]
        const app = apps[at] as AppProcess
        const sample = await measure(app, name, CONNECTIONS, plan.durationMs, () => text)
        if (round >= 0) samples.push(sample)
      }
    }
  } finally {
    await Promise.all(apps.map((app) => app.stop()))
  }
  return hardenedTable(samples)
}

function hardenedTable(samples: readonly Sample[]): string {
  const rows = variants.map(({ name }) => {
    const own = samples.filter((each) => each.variant === name)
    const of = (pick: (sample: Sample) => number) => median(own.map(pick))
    return {
      name,
      cpuUs: of((each) => each.cpuUsPerRequest),
      rate: of((each) => each.requestsPerSecond),
      p99Ms: of((each) => each.p99Ms),
    }
  })
  const bareUs = rows[1]?.cpuUs ?? Number.NaN
  const head = ['one request in memory, C = 16', 'node CPU us', 'of bare', 'requests/s', 'p99 ms']
  const body = rows.map(({ name, cpuUs, rate, p99Ms }) => [
    name,
    cpuUs.toFixed(1),
    `${(cpuUs / bareUs).toFixed(2)}${name === 'bare fastify' ? '' : ' (floor 4, aim 3)'}`,
    rate.toFixed(0),
    p99Ms.toFixed(2),
  ])
  return table(head, body)
}

/** Of each half; a short run says that it works, and no more. */
const REQUESTS = { full: 100_000, quick: 5_000 }

const SMALL_SEMI_SPACE = '--max-semi-space-size=8'

export async function memory(url: string, keys: Keys, quick: boolean): Promise<string> {
  const requests = quick ? REQUESTS.quick : REQUESTS.full
  const installed = installPackage()
  try {
    const apps = installApps(installed)
    const rows = [await memoryOf(apps, url, keys, requests, [])]
    rows.push(await memoryOf(apps, url, keys, requests, [SMALL_SEMI_SPACE]))
    const head = ['API process, built package', `RSS after ${requests} orders, MB`]
    return table([...head, `growth over the next ${requests}`], rows)
  } finally {
    installed.remove()
  }
}

async function memoryOf(
  apps: URL,
  url: string,
  keys: Keys,
  requests: number,
  execArgv: readonly string[],
): Promise<string[]> {
  const app = await AppProcess.start('memory', 'holdfast.mjs', url, { apps, execArgv })
  try {
    const first = await after(app, keys, requests)
    const second = await after(app, keys, requests)
    const growth = ((second - first) / first) * 100
    const name = execArgv.length === 0 ? 'node' : `node ${execArgv.join(' ')}`
    return [name, `${megabytes(first)} (floor 200, aim 150)`, `${growth.toFixed(1)} % (floor 5 %)`]
  } finally {
    await app.stop()
  }
}

async function after(app: AppProcess, keys: Keys, requests: number): Promise<number> {
  const request = placeRequest('/v1/orders-deferred', keys.holdfast)
  for (let done = 0; done < requests; ) {
    const sample = await measure(app, 'memory', CONNECTIONS, 2_000, request)
    done += sample.requests
  }
  return (await app.report()).rssBytes
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
