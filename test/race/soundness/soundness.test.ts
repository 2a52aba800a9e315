/** The reduction leaves out schedules, and never an outcome: compared with every schedule there is. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Arenas } from '../../../src/prove/arena/arenas.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { compare, type Place } from './compare.ts'
import { directed } from './directed.ts'
import { programOf, SCHEDULES_MAX, schedulesOf } from './program.ts'

/** `npm run bench:proof -- --only soundness` compares a thousand. */
const GENERATED = 12

let place: Required<Place>

before(async () => {
  const server = await testServer()
  place = { server, arenas: new Arenas(server) }
})
after(() => place.arenas.close())

for (const program of directed.filter(({ sessions }) => schedulesOf(sessions) <= SCHEDULES_MAX))
  test(`no outcome is missed: ${program.title}`, async () => {
    const { difference, reduced, all } = await compare(program, place)
    assert.equal(difference, undefined)
    // What it learns on the way lets it begin anew once.
    assert.ok(reduced <= 2 * all)
  })

test(`no outcome is missed in ${GENERATED} generated programs`, async () => {
  for (let seed = 1; seed <= GENERATED; seed += 1) {
    const { difference } = await compare(programOf(seed), place)
    assert.equal(difference, undefined)
  }
})
