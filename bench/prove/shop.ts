/** The shop's commands, jobs and subscriptions against each other. */
import { Arenas } from '../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../src/prove/explore-race.ts'
import { testServer } from '../../src/testing/test-database.ts'
import { races } from '../../test/race/shop/shop-races.ts'

/** Half a minute for a pair: two jobs that call outside have thousands. */
const SCHEDULES_MAX = 1_000

const HEAD = `| of the shop | verdict | schedules | pruned | s |
| --- | --- | --: | --: | --: |`

export async function shopTable(): Promise<string> {
  const arenas = new Arenas(await testServer())
  const rows: string[] = []
  try {
    for (const [name, race] of Object.entries(races)) {
      const bounded = { ...race, schedulesMax: race.schedulesMax ?? SCHEDULES_MAX }
      const found = await exploreRace(bounded, { arenas })
      const { schedules, pruned, durationMs } = found
      const atBound = found.verdict === 'INCONCLUSIVE' && schedules === SCHEDULES_MAX
      const reason = found.verdict === 'INCONCLUSIVE' ? `: ${found.reason}` : ''
      const verdict = atBound ? `none in ${SCHEDULES_MAX} schedules` : found.verdict + reason
      const seconds = (durationMs / 1_000).toFixed(1)
      rows.push(`| ${name} | ${verdict} | ${schedules} | ${pruned} | ${seconds} |`)
    }
  } finally {
    await arenas.close()
  }
  return [HEAD, ...rows].join('\n')
}
