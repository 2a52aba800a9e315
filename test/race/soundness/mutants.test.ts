/** A suite that cannot tell a broken explorer from a sound one would prove nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testServer } from '../../../src/testing/test-database.ts'
import { outcomesOf, seenIn } from './compare.ts'
import { directed } from './directed.ts'
import { mutants } from './mutants.ts'
import { runMutant } from './run-mutant.ts'

/** All of them run with `npm run bench:proof -- --only mutants`. Each with the program that kills it. */
const KILLED_HERE: Readonly<Record<string, string>> = {
  'reads do not mind commits': 'a commit between two reads',
  'snapshots do not mind commits': 'the snapshot of a first read elsewhere',
  'nobody wakes up': 'writes that do not commute',
}

async function taskOf(programTitle: string) {
  const server = await testServer()
  const program = directed.find(({ title }) => title === programTitle)
  assert.ok(program, programTitle)
  const outcomes = seenIn(await outcomesOf(program, server, true)) ?? []
  return { server, programs: [{ program, outcomes }] }
}

for (const [title, programTitle] of Object.entries(KILLED_HERE))
  test(`an explorer where ${title} is found out`, async () => {
    const mutant = mutants.find((other) => other.title === title)
    assert.ok(mutant, title)
    const task = await taskOf(programTitle)
    const sound = await runMutant({ ...task, mutant: undefined })
    const broken = await runMutant({ ...task, mutant })
    assert.equal(sound.killedBy, undefined)
    assert.match(broken.how ?? '', /outcomes are missed/)
  })
