/**
 * a. place-order with every guarantee against hand-written peers, and b. a page of 20 orders:
 * every variant is measured in each round, in turn, against one server; medians over the rounds.
 */

import { PRODUCTS } from './apps/fixture.ts'
import { AppProcess } from './lib/app-process.ts'
import { type LoadResult, load } from './lib/load.ts'
import { median, ratio, table } from './lib/statistics.ts'

export interface Variant {
  readonly name: string
  readonly file: string
  readonly path: string
}

const variants: readonly Variant[] = [
  { name: 'holdfast, awaited', file: 'holdfast.ts', path: '/v1/orders' },
  { name: 'holdfast, deferred', file: 'holdfast.ts', path: '/v1/orders-deferred' },
  { name: '(i) fastify + pg, no guarantees', file: 'peer-pg.ts', path: '/v1/orders' },
  {
    name: '(ii) fastify + pg, guarantees by hand',
    file: 'peer-pg-guarantees.ts',
    path: '/v1/orders',
  },
  { name: '(iii) fastify + kysely, no guarantees', file: 'peer-kysely.ts', path: '/v1/orders' },
  { name: '(iv) fastify + drizzle, no guarantees', file: 'peer-drizzle.ts', path: '/v1/orders' },
]

export interface Keys {
  readonly holdfast: string
  readonly peer: string
}

export interface Sample extends LoadResult {
  readonly variant: string
  readonly connections: number
  readonly requestsPerSecond: number
  readonly cpuUsPerRequest: number
  readonly mainCpuUsPerRequest: number
}

export interface Plan {
  readonly rounds: number
  readonly durationMs: number
  readonly connections: readonly number[]
}

let sequence = 0

export function placeRequest(path: string, key: string): () => string {
  return () => {
    const body = `{"sku":"SKU-${1 + Math.floor(Math.random() * PRODUCTS)}","quantity":1}`
    const id = `${process.pid}-${Date.now().toString(36)}-${++sequence}`
    return `POST ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\nidempotency-key: "${id}"\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  }
}

export function pageRequest(path: string, key: string): () => string {
  const text = `GET ${path}?limit=20 HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\n\r\n`
  return () => text
}

export async function measure(
  app: AppProcess,
  variant: string,
  connections: number,
  durationMs: number,
  request: () => string,
): Promise<Sample> {
  const before = await app.report()
  const result = await load({ url: app.url, connections, durationMs, request })
  const after = await app.report()
  if (result.failures > 0) throw new Error(`${variant}: ${result.failures} requests failed`)
  return {
    ...result,
    variant,
    connections,
    requestsPerSecond: result.requests / (result.durationMs / 1000),
    cpuUsPerRequest: (after.cpuUs - before.cpuUs) / result.requests,
    mainCpuUsPerRequest: (after.mainCpuUs - before.mainCpuUs) / result.requests,
  }
}

export async function placeOrder(url: string, keys: Keys, plan: Plan): Promise<string> {
  const apps = await startApps(url)
  const samples: Sample[] = []
  try {
    for (const each of variants) await warm(apps, each, keys)
    for (const connections of plan.connections) {
      for (let round = 0; round < plan.rounds; round++) {
        // Every other round backwards: what drifts with time falls on all alike.
        const order = round % 2 === 0 ? variants : [...variants].reverse()
        for (const each of order) {
          const app = apps.get(each.file) as AppProcess
          const request = placeRequest(each.path, keyFor(each, keys))
          samples.push(await measure(app, each.name, connections, plan.durationMs, request))
        }
      }
    }
  } finally {
    await Promise.all([...apps.values()].map((app) => app.stop()))
  }
  return plan.connections.map((connections) => placeTable(samples, connections)).join('\n\n')
}

function keyFor(variant: Variant, keys: Keys): string {
  return variant.file === 'holdfast.ts' ? keys.holdfast : keys.peer
}

async function startApps(url: string): Promise<Map<string, AppProcess>> {
  const apps = new Map<string, AppProcess>()
  for (const file of new Set(variants.map((each) => each.file))) {
    apps.set(file, await AppProcess.start(file, file, url))
  }
  return apps
}

const WARM_UP_MS = 1_500

async function warm(apps: ReadonlyMap<string, AppProcess>, each: Variant, keys: Keys) {
  const app = apps.get(each.file) as AppProcess
  const request = placeRequest(each.path, keyFor(each, keys))
  await measure(app, each.name, 16, WARM_UP_MS, request)
}

function placeTable(samples: readonly Sample[], connections: number): string {
  const rows = variants.map(({ name }) => {
    const own = samples.filter((each) => each.variant === name && each.connections === connections)
    return { name, ...medians(own) }
  })
  const plain = rows[2]?.requestsPerSecond ?? Number.NaN
  const guarded = rows[3]?.requestsPerSecond ?? Number.NaN
  const body = rows.map((row) => [
    row.name,
    row.requestsPerSecond.toFixed(0),
    ratio(row.requestsPerSecond, plain),
    ratio(row.requestsPerSecond, guarded),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.cpuUsPerRequest.toFixed(0),
  ])
  const head = ['place-order', 'requests/s', '/ (i)', '/ (ii)', 'p50 ms', 'p99 ms', 'node CPU us']
  return `**C = ${connections}**\n\n${table(head, body)}`
}

function medians(samples: readonly Sample[]) {
  const of = (pick: (sample: Sample) => number) => median(samples.map(pick))
  return {
    requestsPerSecond: of((each) => each.requestsPerSecond),
    p50Ms: of((each) => each.p50Ms),
    p99Ms: of((each) => each.p99Ms),
    cpuUsPerRequest: of((each) => each.cpuUsPerRequest),
  }
}

export async function page(url: string, keys: Keys, plan: Plan): Promise<string> {
  const ours = await AppProcess.start('holdfast', 'holdfast.ts', url)
  const theirs = await AppProcess.start('peer', 'peer-pg.ts', url)
  const samples: Sample[] = []
  try {
    const pairs = [
      { app: ours, name: 'holdfast, query with tenant wall', key: keys.holdfast },
      { app: theirs, name: 'fastify + pg', key: keys.peer },
    ]
    for (let round = -1; round < plan.rounds; round++) {
      for (const { app, name, key } of round % 2 === 0 ? pairs : [...pairs].reverse()) {
        const request = pageRequest('/v1/orders', key)
        const sample = await measure(app, name, 16, plan.durationMs, request)
        if (round >= 0) samples.push(sample)
      }
    }
  } finally {
    await Promise.all([ours.stop(), theirs.stop()])
  }
  const names = [...new Set(samples.map((each) => each.variant))].sort().reverse()
  const rows = names.map((name) => ({
    name,
    ...medians(samples.filter((each) => each.variant === name)),
  }))
  const peer = rows.find((row) => row.name === 'fastify + pg')?.requestsPerSecond ?? Number.NaN
  const body = rows.map((row) => [
    row.name,
    row.requestsPerSecond.toFixed(0),
    ratio(row.requestsPerSecond, peer),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.cpuUsPerRequest.toFixed(0),
  ])
  return table(
    ['page of 20, C = 16', 'requests/s', 'ratio', 'p50 ms', 'p99 ms', 'node CPU us'],
    body,
  )
}
