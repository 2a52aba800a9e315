/**
 * Commands of the shop race with themselves and with those that write a table of theirs. The first
 * schedules of each pair run here, and none may break anything; `npm run bench:proof -- --only shop` goes to the end.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Arenas } from '../../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../../src/prove/explore-race.ts'
import { verdictText } from '../../../src/prove/report/verdict-text.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { races } from './shop-races.ts'

/** Those with few preemptions come first: most of what can be found is found in the first dozen. */
const SCHEDULES_MAX = 16

let arenas: Arenas
before(async () => {
  arenas = new Arenas(await testServer())
})
after(() => arenas.close())

for (const [name, race] of Object.entries(races))
  test(name, async () => {
    const verdict = await exploreRace({ ...race, schedulesMax: SCHEDULES_MAX }, { arenas })
    assert.notEqual(verdict.verdict, 'VIOLATION', verdictText(verdict, { name, cwd: '.' }))
    if (verdict.verdict === 'INCONCLUSIVE') assert.match(verdict.reason, /schedulesMax is 16/)
  })
