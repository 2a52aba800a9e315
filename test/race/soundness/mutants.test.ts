/** A suite that cannot tell a broken explorer from a sound one would prove nothing. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { testServer } from '../../../src/testing/test-database.ts'
import { outcomesOf, seenIn } from './compare.ts'
import { directed } from './directed.ts'
import { mutants } from './mutants.ts'
import { runMutant } from './run-mutant.ts'

/** All of them run with `npm run bench:proof -- --only mutants`. */
const KILLED_HERE = [
  'reads do not mind commits',
  'snapshots do not mind commits',
  'nothing harmless fails',
  'nobody wakes up',
]

async function taskOf(programTitle: string) {
  const server = await testServer()
  const program = directed.find(({ title }) => title === programTitle)
  assert.ok(program, programTitle)
  const outcomes = seenIn(await outcomesOf(program, { server }, true)) ?? []
  return { server, programs: [{ program, outcomes }] }
}

test('every change finds its place, and the program that rests on it', () => {
  for (const { title, file, from, program } of mutants) {
    const text = readFileSync(new URL(`../../../src/prove/${file}`, import.meta.url), 'utf8')
    assert.equal(text.split(from).length, 2, title)
    assert.ok(
      directed.some((other) => other.title === program),
      title,
    )
  }
})

for (const title of KILLED_HERE)
  test(`an explorer where ${title} is found out`, async () => {
    const mutant = mutants.find((other) => other.title === title)
    assert.ok(mutant, title)
    const task = await taskOf(mutant.program)
    const sound = await runMutant({ ...task, mutant: undefined })
    const broken = await runMutant({ ...task, mutant })
    assert.equal(sound.killedBy, undefined)
    assert.match(broken.how ?? '', /outcomes are missed/)
  })
