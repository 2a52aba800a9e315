/** The shop's commands with nothing written: `holdfast prove` in its folder, with what it did not decide. */
import { commands } from '../../example/shop/prove.ts'
import { systemClock } from '../../src/base/clock.ts'
import { explorePairs } from '../../src/prove/pairs/explore-pairs.ts'
import type { ExploredPair } from '../../src/prove/pairs/explored-pair.ts'
import { testServer } from '../../src/testing/test-database.ts'
import { median, seconds, table } from '../lib/statistics.ts'

/** Of the pairs that took longest. */
const LONGEST = 5

export async function pairsTable(): Promise<string> {
  const startMs = systemClock.monotonicMs()
  const explored = await explorePairs(commands, {
    server: await testServer(),
    onPair: ({ name, verdict }) =>
      console.error(`${name} ${verdict.verdict} ${verdict.schedules} ${verdict.durationMs} ms`),
  })
  const durationMs = systemClock.monotonicMs() - startMs
  const is = (kind: string) => explored.filter(({ verdict }) => verdict.verdict === kind)
  const sum = (pick: (pair: ExploredPair) => number) =>
    explored.reduce((total, pair) => total + pick(pair), 0)
  const times = explored.map(({ verdict }) => verdict.durationMs)
  const counts = table(
    [
      'pairs',
      'certified',
      'violated',
      'inconclusive',
      'schedules',
      'pruned',
      'median of a pair',
      'all, with the draw',
    ],
    [
      [
        String(explored.length),
        String(is('CERTIFIED').length),
        String(is('VIOLATION').length),
        String(is('INCONCLUSIVE').length),
        String(sum(({ verdict }) => verdict.schedules)),
        String(sum(({ verdict }) => verdict.pruned)),
        seconds(median(times)),
        seconds(durationMs),
      ],
    ],
  )
  return [counts, ...is('INCONCLUSIVE').map(undecidedLine), longestLine(explored)].join('\n\n')
}

function undecidedLine({ name, verdict }: ExploredPair): string {
  return `Undecided, \`${name}\`: ${verdict.verdict === 'INCONCLUSIVE' ? verdict.reason : ''}`
}

function longestLine(explored: readonly ExploredPair[]): string {
  const sorted = explored.toSorted(
    ({ verdict: one }, { verdict: two }) => two.durationMs - one.durationMs,
  )
  const shown = sorted
    .slice(0, LONGEST)
    .map(({ name, verdict }) => `${name} (${verdict.schedules}, ${seconds(verdict.durationMs)})`)
  return `The longest, with schedules: ${shown.join(', ')}.`
}
