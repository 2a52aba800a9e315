import { crash } from '../../src/prove/crash/crash.ts'
import { exploreCrashes } from '../../src/prove/crash/explore-crashes.ts'
import type { CrashVerdict } from '../../src/prove/crash/verdict.ts'
import { testServer } from '../../src/testing/test-database.ts'
import { type CrashTwins, crashDefinition } from '../../test/race/museum/crash-twins.ts'
import { processes } from '../../test/race/museum/processes.ts'
import { requests } from '../../test/race/museum/requests.ts'
import { seconds, table } from '../lib/statistics.ts'

function told(verdict: CrashVerdict): string {
  if (verdict.verdict === 'INCONCLUSIVE') return `INCONCLUSIVE: ${verdict.reason}`
  if (verdict.verdict === 'CERTIFIED') return 'CERTIFIED'
  const { fault } = verdict.findings[0]
  return fault === undefined
    ? 'VIOLATION without a fault, when asked or delivered again'
    : `VIOLATION: \`${fault.at}\` ${fault.kind}`
}

async function rowOf(title: string, twins: CrashTwins): Promise<string[]> {
  const server = await testServer()
  const broken = await exploreCrashes(crash(crashDefinition(twins, 'broken')), { server })
  const fixed = await exploreCrashes(crash(crashDefinition(twins, 'fixed')), { server })
  const runs = `${broken.runs} + ${fixed.runs}`
  const time = seconds(broken.durationMs + fixed.durationMs)
  return [title, told(broken), told(fixed), String(fixed.boundaries.length), runs, time]
}

export async function crashTable(): Promise<string> {
  const rows: string[][] = []
  for (const [title, twins] of Object.entries({ ...requests, ...processes }))
    rows.push(await rowOf(title, twins))
  return table(['program', 'broken', 'fixed', 'boundaries', 'runs', 'time'], rows)
}
