/** The shop's commands against each other, to the end of each search. */
import { Arenas } from '../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../src/prove/explore-race.ts'
import { testServer } from '../../src/testing/test-database.ts'
import { races } from '../../test/race/shop/shop-races.ts'

const HEAD = `| commands of the shop | verdict | schedules | pruned | s |
| --- | --- | --: | --: | --: |`

export async function shopTable(): Promise<string> {
  const arenas = new Arenas(await testServer())
  const rows: string[] = []
  try {
    for (const [name, race] of Object.entries(races)) {
      const { verdict, schedules, pruned, durationMs } = await exploreRace(race, { arenas })
      const seconds = (durationMs / 1_000).toFixed(1)
      rows.push(`| ${name} | ${verdict} | ${schedules} | ${pruned} | ${seconds} |`)
    }
  } finally {
    await arenas.close()
  }
  return [HEAD, ...rows].join('\n')
}
