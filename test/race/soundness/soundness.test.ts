/** The reduction leaves out schedules, and never an outcome: compared with every schedule there is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testServer } from '../../../src/testing/test-database.ts'
import { compare } from './compare.ts'
import { directed } from './directed.ts'
import { programOf, SCHEDULES_MAX, schedulesOf } from './program.ts'

/** `npm run bench:proof -- --only soundness` compares a thousand. */
const GENERATED = 12

for (const program of directed.filter(({ sessions }) => schedulesOf(sessions) <= SCHEDULES_MAX))
  test(`no outcome is missed: ${program.title}`, async () => {
    const { difference, reduced, all } = await compare(program, await testServer())
    assert.equal(difference, undefined)
    assert.ok(reduced <= all)
  })

test(`no outcome is missed in ${GENERATED} generated programs`, async () => {
  const server = await testServer()
  for (let seed = 1; seed <= GENERATED; seed += 1) {
    const { difference } = await compare(programOf(seed), server)
    assert.equal(difference, undefined)
  }
})
