import { type Crash, crash } from '../../src/prove/crash/crash.ts'
import { exploreCrashes, SAMPLED } from '../../src/prove/crash/explore-crashes.ts'
import type { CrashVerdict } from '../../src/prove/crash/verdict.ts'
import { testServer } from '../../src/testing/test-database.ts'
import { type CrashTwins, crashDefinition } from '../../test/race/museum/crash-twins.ts'
import { deliveries } from '../../test/race/museum/deliveries.ts'
import { processes } from '../../test/race/museum/processes.ts'
import { requests } from '../../test/race/museum/requests.ts'
import { shopCrashes } from '../../test/race/shop/shop-crashes.ts'
import { seconds, table } from '../lib/statistics.ts'

function told(verdict: CrashVerdict): string {
  if (verdict.verdict === 'INCONCLUSIVE') return `INCONCLUSIVE: ${verdict.reason}`
  if (verdict.verdict === 'CERTIFIED') return 'CERTIFIED'
  const { fault, deliveries: said } = verdict.findings[0]
  if (fault !== undefined) return `VIOLATION: \`${fault.at}\` ${fault.kind}`
  return `VIOLATION: ${said ?? 'without a fault, when asked or delivered again'}`
}

async function rowOf(title: string, twins: CrashTwins): Promise<string[]> {
  const server = await testServer()
  const broken = await exploreCrashes(crash(crashDefinition(twins, 'broken')), { server })
  const fixed = await exploreCrashes(crash(crashDefinition(twins, 'fixed')), { server })
  const runs = `${broken.runs} + ${fixed.runs}`
  const time = seconds(broken.durationMs + fixed.durationMs)
  const { boundaries, deliveries: ways } = fixed
  return [title, told(broken), told(fixed), String(boundaries.length), String(ways), runs, time]
}

/** Of some 2,500 for each command. */
const SHOP_FAULTS = 8

async function shopRow([name, crash]: [string, Crash]): Promise<string[]> {
  const server = await testServer()
  const verdict = await exploreCrashes(crash, { server, faultsMax: SHOP_FAULTS })
  const { boundaries, runs, durationMs } = verdict
  const nothing = verdict.verdict === 'INCONCLUSIVE' && verdict.reason.startsWith(SAMPLED)
  const found = nothing ? `none by ${SHOP_FAULTS} faults, evenly spread` : told(verdict)
  return [name, found, String(boundaries.length), String(runs), seconds(durationMs)]
}

export async function shopCrashTable(): Promise<string> {
  const rows: string[][] = []
  for (const entry of Object.entries(shopCrashes)) rows.push(await shopRow(entry))
  return table(['program', 'broken', 'boundaries', 'runs', 'time'], rows)
}

export async function crashTable(): Promise<string> {
  const rows: string[][] = []
  for (const [title, twins] of Object.entries({ ...requests, ...processes, ...deliveries }))
    rows.push(await rowOf(title, twins))
  return table(['program', 'broken', 'fixed', 'boundaries', 'deliveries', 'runs', 'time'], rows)
}
