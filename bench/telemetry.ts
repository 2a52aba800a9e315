/**
 * e. What telemetry costs: CPU of one request with it and without, ours against Fastify with
 * `@opentelemetry/auto-instrumentations-node`. Everything is sampled and sent by OTLP to a collector
 * that takes it and does nothing. Its packages are those of bench/telemetry, which nothing else needs.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { AppProcess } from './lib/app-process.ts'
import { median, ratio, table } from './lib/statistics.ts'
import {
  type Keys,
  measure,
  type Plan,
  pageRequest,
  placeRequest,
  type Sample,
} from './place-order.ts'

const CONNECTIONS = 16
/** What is looked for is a difference of two costs: many short turns bear more noise than few long ones. */
const TURNS_PER_ROUND = 4
const PACKAGES = join(import.meta.dirname, 'telemetry')
/** Stable, and the same for both: metrics and logs of the instrumentation are left out. */
const OTEL = {
  OTEL_METRICS_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  OTEL_TRACES_EXPORTER: 'otlp',
  // The others ask the network of a cloud who they are.
  OTEL_NODE_RESOURCE_DETECTORS: 'env,host,process',
}

interface Variant {
  readonly name: string
  readonly file: string
  readonly traced: boolean
  readonly env?: Readonly<Record<string, string>>
}

const variants: readonly Variant[] = [
  {
    name: 'holdfast, nothing told',
    file: 'holdfast.ts',
    traced: false,
    env: { BENCH_LOG: 'silent' },
  },
  { name: 'holdfast, log line', file: 'holdfast.ts', traced: false, env: { BENCH_LOG: 'info' } },
  {
    name: 'holdfast, log line and spans',
    file: 'holdfast.ts',
    traced: true,
    env: { BENCH_LOG: 'info' },
  },
  { name: 'fastify + pg', file: 'peer-pg.ts', traced: false },
  { name: 'fastify + pg, auto-instrumentation', file: 'peer-pg.ts', traced: true },
]

const works = [
  { name: 'place-order, 3 statements awaited', request: placeRequest },
  { name: 'page of 20, 1 statement', request: pageRequest },
] as const

interface Measured extends Sample {
  readonly work: string
}

export async function telemetry(url: string, keys: Keys, plan: Plan): Promise<string> {
  install()
  const collector = await startCollector()
  const apps: AppProcess[] = []
  const samples: Measured[] = []
  try {
    for (const each of variants) apps.push(await start(each, url, collector.url))
    const durationMs = plan.durationMs / TURNS_PER_ROUND
    for (let round = -1; round < plan.rounds * TURNS_PER_ROUND; round++) {
      for (const { name: work, request } of works) {
        for (const at of turn(round)) {
          const { name, file } = variants[at] as Variant
          const key = file === 'holdfast.ts' ? keys.holdfast : keys.peer
          const next = request('/v1/orders', key)
          const sample = await measure(apps[at] as AppProcess, name, CONNECTIONS, durationMs, next)
          if (round >= 0) samples.push({ ...sample, work })
        }
      }
    }
  } finally {
    await Promise.all(apps.map((app) => app.stop()))
    collector.stop()
  }
  const told = `The collector has got ${collector.requests()} requests.`
  return [...works.map(({ name }) => telemetryTable(name, samples)), told].join('\n\n')
}

/** Every other round backwards: what drifts with time falls on all alike. */
function turn(round: number): readonly number[] {
  const order = [...variants.keys()]
  return round % 2 === 0 ? order : order.toReversed()
}

function telemetryTable(work: string, samples: readonly Measured[]): string {
  const rows = variants.map(({ name }) => {
    const own = samples.filter((each) => each.work === work && each.variant === name)
    const of = (pick: (sample: Sample) => number) => median(own.map(pick))
    return {
      cpuUs: of((each) => each.cpuUsPerRequest),
      mainUs: of((each) => each.mainCpuUsPerRequest),
    }
  })
  const [silent, line, spans, bare, auto] = rows as [Cost, Cost, Cost, Cost, Cost]
  const added = (pick: (cost: Cost) => number, with_: Cost, without: Cost) =>
    pick(with_) - pick(without)
  const body = variants.map(({ name }, at) => {
    const { cpuUs, mainUs } = rows[at] as Cost
    return [name, cpuUs.toFixed(0), mainUs.toFixed(0)]
  })
  const process = ({ cpuUs }: Cost) => cpuUs
  const main = ({ mainUs }: Cost) => mainUs
  const theirs = { process: added(process, auto, bare), main: added(main, auto, bare) }
  const compared = [
    ['auto-instrumentation adds', theirs.process.toFixed(0), theirs.main.toFixed(0)],
    ...(
      [
        ['spans', line],
        ['log line and spans', silent],
      ] as const
    ).map(([what, without]) => {
      const [all, own] = [added(process, spans, without), added(main, spans, without)]
      const of = (value: number, whole: number) =>
        `${value.toFixed(0)}, ${ratio(value, whole)} of theirs`
      return [`our ${what} add`, of(all, theirs.process), of(own, theirs.main)]
    }),
  ]
  const head = [work, 'CPU us of the process', 'of its main thread (floor 1/2 of theirs, aim 1/4)']
  return table(head, [...body, ...compared])
}

interface Cost {
  readonly cpuUs: number
  readonly mainUs: number
}

function install(): void {
  if (existsSync(join(PACKAGES, 'node_modules/.package-lock.json'))) return
  const flags = ['--prefix', PACKAGES, '--ignore-scripts', '--no-audit', '--no-fund']
  execFileSync('npm', ['ci', ...flags], { cwd: PACKAGES, stdio: 'inherit' })
}

function start(
  { name, file, traced, env }: Variant,
  url: string,
  collector: string,
): Promise<AppProcess> {
  const otel = traced ? { ...OTEL, OTEL_EXPORTER_OTLP_ENDPOINT: collector } : {}
  const patched = traced && file !== 'holdfast.ts'
  return AppProcess.start(name, file, url, {
    env: {
      ...env,
      ...otel,
      OTEL_SERVICE_NAME: 'bench',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    },
    execArgv: patched ? ['--import', join(PACKAGES, 'auto.mjs')] : [],
    output: 'ignore',
  })
}

async function startCollector() {
  let requests = 0
  const server: Server = createServer((request, response) => {
    requests++
    request
      .resume()
      .on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
