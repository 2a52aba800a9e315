import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRace, type RaceDefinition, race } from './race.ts'

const command = async () => {}
const definition: RaceDefinition = { schema: 'CREATE TABLE t ()', run: { a: command, b: command } }

test('a race knows its commands, and nothing else passes for one', () => {
  const made = race(definition)
  assert.deepEqual(made.commands, ['a', 'b'])
  assert.ok(isRace(made))
  assert.ok(!isRace(definition) && !isRace(undefined))
})

test('what cannot be explored is refused with what is wrong', () => {
  const cases: [wrong: object, message: RegExp][] = [
    [{ run: { a: command } }, /run has 1 commands and must have 2 or 3/],
    [{ run: { a: command, b: command, c: command, d: command } }, /has 4 commands/],
    [{ run: { a: command, b: 1 } }, /run\.b is 1 and must be a function/],
    [{ ignore: ['at'] }, /must hold table\.column/],
    [{ invariant: {} }, /did you mean "invariants"/],
  ]
  for (const [wrong, message] of cases)
    assert.throws(() => race({ ...definition, ...wrong }), { code: 'HF_OPTION_INVALID', message })
})
