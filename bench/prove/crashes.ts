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

/** Turning points that were tried in one program of the shop are not tried in the next. */
type Tried = Set<string>

async function shopRow([name, crash]: [string, Crash], faultsMax: number, tried: Tried) {
  const server = await testServer()
  const before = tried.size
  const turning = await exploreCrashes(crash, { server, turningPoints: tried })
  const spread = await exploreCrashes(crash, { server, faultsMax })
  const found = [turning, spread].find((verdict) => !isUndecided(verdict))
  const { boundaries } = spread
  const [runs, time] = [turning.runs + spread.runs, turning.durationMs + spread.durationMs]
  const points = String(tried.size - before)
  const broken = found === undefined ? 'none' : told(found)
  return [name, broken, String(boundaries.length), points, String(runs), seconds(time)]
}

function isUndecided(verdict: CrashVerdict): boolean {
  return verdict.verdict === 'INCONCLUSIVE' && verdict.reason.startsWith(SAMPLED)
}

/** `faultsMax`: so many in each program, evenly spread, beside the turning points. */
export async function shopCrashTable(faultsMax: number): Promise<string> {
  const tried: Tried = new Set()
  const rows: string[][] = []
  for (const entry of Object.entries(shopCrashes)) rows.push(await shopRow(entry, faultsMax, tried))
  const head = ['program', 'broken', 'boundaries', 'turning points', 'runs', 'time']
  return `${faultsMax} faults of each program, and the turning points:\n\n${table(head, rows)}`
}

export async function crashTable(): Promise<string> {
  const rows: string[][] = []
  for (const [title, twins] of Object.entries({ ...requests, ...processes, ...deliveries }))
    rows.push(await rowOf(title, twins))
  return table(['program', 'broken', 'fixed', 'boundaries', 'deliveries', 'runs', 'time'], rows)
}
