/**
 * Round trips of one request, counted at the wire: a proxy between app and server counts what the
 * app sends and waits for. One request at a time, after the statements have been prepared.
 */
import { TcpProxy } from '../src/testing/tcp-proxy.ts'
import { PRODUCTS } from './apps/fixture.ts'
import { AppProcess } from './lib/app-process.ts'
import { table } from './lib/statistics.ts'
import type { Keys } from './place-order.ts'

interface Case {
  readonly name: string
  readonly file: string
  readonly path: string
  readonly method?: 'GET'
  /** The same key each time: the first request runs, the counted ones are replays. */
  readonly replay?: true
  readonly sku?: string
  readonly expected: string
}

const NO_SKU = 'SKU-none'

const cases: readonly Case[] = [
  {
    name: 'holdfast, 3 statements awaited',
    file: 'holdfast.ts',
    path: '/v1/orders',
    expected: 'k + 1 = 4',
  },
  {
    name: 'holdfast, 1 awaited, 2 deferred',
    file: 'holdfast.ts',
    path: '/v1/orders-deferred',
    expected: '2',
  },
  {
    name: 'holdfast, replay',
    file: 'holdfast.ts',
    path: '/v1/orders',
    replay: true,
    expected: '<= 2',
  },
  {
    name: 'holdfast, declared problem after 1 statement',
    file: 'holdfast.ts',
    path: '/v1/orders',
    sku: NO_SKU,
    expected: 'k + 1 = 2',
  },
  {
    name: 'holdfast, query of 1 statement',
    file: 'holdfast.ts',
    path: '/v1/orders',
    method: 'GET',
    expected: '1',
  },
  {
    name: '(i) fastify + pg, no guarantees',
    file: 'peer-pg.ts',
    path: '/v1/orders',
    expected: 'k + 2 = 5',
  },
  {
    name: '(ii) fastify + pg, guarantees by hand',
    file: 'peer-pg-guarantees.ts',
    path: '/v1/orders',
    expected: '12',
  },
]

const COUNTED = 20
const WARM_UP = 60

export async function roundTrips(url: string, keys: Keys): Promise<string> {
  const proxy = await TcpProxy.start(url)
  const rows: string[][] = []
  try {
    for (const each of cases) {
      const app = await AppProcess.start(each.name, each.file, proxy.url)
      const key = each.file === 'holdfast.ts' ? keys.holdfast : keys.peer
      rows.push([each.name, (await count(proxy, app, each, key)).toFixed(1), each.expected])
      await app.stop()
    }
  } finally {
    await proxy.close()
  }
  return table(['one request', 'round trips', 'promised'], rows)
}

async function count(proxy: TcpProxy, app: AppProcess, each: Case, key: string): Promise<number> {
  // Enough for every connection of the pool that one client at a time will ever use.
  for (let n = 0; n < WARM_UP; n++) await send(app, each, key, n)
  const before = proxy.counters.trips
  for (let n = 0; n < COUNTED; n++) await send(app, each, key, WARM_UP + n)
  return (proxy.counters.trips - before) / COUNTED
}

async function send(app: AppProcess, each: Case, key: string, n: number): Promise<void> {
  const { method = 'POST', replay, sku = `SKU-${1 + (n % PRODUCTS)}` } = each
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'idempotency-key': `"${cases.indexOf(each)}-${process.pid}-${replay ? 0 : n}"`,
  }
  const body = JSON.stringify({ sku: replay ? 'SKU-1' : sku, quantity: 1 })
  const response = await fetch(`${app.url}${each.path}`, {
    method,
    headers,
    ...(method === 'POST' && { body }),
  })
  await response.arrayBuffer()
  if (response.status >= 400 && sku !== NO_SKU) throw new Error(`${each.name}: ${response.status}`)
}
