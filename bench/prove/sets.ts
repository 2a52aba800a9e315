import {
  acidRain,
  deadlockSet,
  type Expectation,
  hermitage,
  museum,
} from '../../test/race/benchmark.ts'
import { type Explored, explore } from '../../test/race/explore.ts'
import { median, seconds, table } from '../lib/statistics.ts'

const at = (level: string) => acidRain.filter(({ title }) => title.endsWith(level))

const SETS: Readonly<Record<string, readonly Expectation[]>> = {
  'ACIDRain, as shipped': at('READ COMMITTED'),
  'ACIDRain, SERIALIZABLE with retry': at('SERIALIZABLE'),
  'Hermitage, READ COMMITTED': hermitage.filter(({ title }) => title.endsWith('READ COMMITTED')),
  'Hermitage, REPEATABLE READ': hermitage.filter(({ title }) => title.endsWith('REPEATABLE READ')),
  'Hermitage, SERIALIZABLE': hermitage.filter(({ title }) => title.endsWith('SERIALIZABLE')),
  'the textbook museum': museum,
  deadlocks: deadlockSet,
}

function rowOf(name: string, explored: readonly Explored[]): string[] {
  const broken = explored.filter(({ expectation }) => expectation.broken)
  const safe = explored.filter(({ expectation }) => !expectation.broken)
  const is = (list: readonly Explored[], verdict: string) =>
    list.filter((one) => one.verdict.verdict === verdict)
  const sum = (pick: (one: Explored) => number) =>
    explored.reduce((total, one) => total + pick(one), 0)
  const found = is(broken, 'VIOLATION')
  return [
    name,
    `${found.length} of ${broken.length}`,
    `${is(safe, 'CERTIFIED').length} of ${safe.length}`,
    String(is(safe, 'VIOLATION').length),
    String(is(explored, 'INCONCLUSIVE').length),
    String(sum(({ verdict }) => verdict.schedules)),
    String(sum(({ verdict }) => verdict.pruned)),
    seconds(sum(({ verdict }) => verdict.durationMs)),
    found.length === 0 ? '' : seconds(median(found.map(({ verdict }) => verdict.durationMs))),
  ]
}

export async function setTable(): Promise<string> {
  const rows: string[][] = []
  for (const [name, expectations] of Object.entries(SETS)) {
    const explored: Explored[] = []
    for (const expectation of expectations) explored.push(await explore(expectation))
    rows.push(rowOf(name, explored))
    for (const { wrong, expectation } of explored)
      if (wrong) console.error(`${expectation.title}: ${wrong}`)
  }
  return table(
    [
      'set',
      'found',
      'certified',
      'false alarms',
      'inconclusive',
      'schedules',
      'pruned',
      'time',
      'median time to a finding',
    ],
    rows,
  )
}
