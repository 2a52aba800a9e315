import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { advise, type KnownAnswer } from './advice.ts'
import { contradictions } from './contradictions.ts'
import {
  type Answer,
  above,
  all,
  any,
  below,
  type Decision,
  decision,
  is,
  yes,
} from './decision.ts'
import { decisions } from './decisions/decisions.ts'
import { conditionsOf, evaluate, flipsOf, type Known } from './evaluate.ts'
import { type QuestionId, questions } from './questions.ts'

const tree = decision({
  id: 'test',
  title: 'Test',
  rule: 'None.',
  question: 'Which?',
  version: '2026-01-01',
  options: {
    small: { name: 'Small', cost: 'none' },
    large: { name: 'Large', cost: 'money' },
    odd: { name: 'Odd', cost: 'sense' },
  },
  branches: [
    {
      when: all(is('dataShape', 'paths'), any(yes('ordered'), above('hopsMax', 4))),
      pick: 'odd',
      why: '-',
    },
    { when: above('writesPerSecond', 1000, 'measured'), pick: 'large', why: '-' },
    { when: below('engineers', 2), pick: 'odd', why: '-' },
  ],
  otherwise: { pick: 'small', why: '-' },
  notes: [{ when: above('writesPerSecond', 500), say: 'Batch.' }],
  flips: [],
  measure: [],
  uncertainty: '-',
  sources: [],
})

const known = (answers: Partial<Record<QuestionId, Answer>>): Known =>
  new Map(Object.entries(answers) as [QuestionId, Answer][])

describe('a tree', () => {
  test('asks only for what it comes by', () => {
    assert.deepEqual(evaluate(tree, known({})), { need: 'dataShape' })
    assert.deepEqual(evaluate(tree, known({ dataShape: 'records' })), { need: 'writesPerSecond' })
    const outcome = evaluate(tree, known({ dataShape: 'records', writesPerSecond: 2000 }))
    assert.ok('leaf' in outcome)
    assert.deepEqual([outcome.leaf.pick, outcome.notes], ['large', ['Batch.']])
  })

  test('tells where it flips, nearest first, and how well that is known', () => {
    const flips = flipsOf(tree, known({ dataShape: 'records', writesPerSecond: 50, engineers: 5 }))
    assert.deepEqual(
      flips.map(({ question, when, value, to, confidence }) => [
        question,
        when,
        value,
        to,
        confidence,
      ]),
      [
        ['writesPerSecond', 'above', 1000, 'large', 'measured'],
        ['engineers', 'below', 2, 'odd', 'rule of thumb'],
      ],
    )
  })

  test('standing on a threshold it tells both sides', () => {
    const flips = flipsOf(
      tree,
      known({ dataShape: 'records', writesPerSecond: 1000, engineers: 1 }),
    )
    assert.deepEqual(
      flips.map(({ question, when, to }) => [question, when, to]),
      [
        ['writesPerSecond', 'above', 'large'],
        ['engineers', 'at least', 'small'],
      ],
    )
  })

  test('tells what another option would take', () => {
    const { alternatives } = advise(tree, new Map(), 0)
    assert.deepEqual(
      alternatives.map(({ id, takes }) => [id, takes]),
      [
        ['large', ['writesPerSecond above 1,000 rows/s']],
        ['odd', ['engineers below 2 people']],
      ],
    )
  })
})

function arbitraryAnswer(id: QuestionId): fc.Arbitrary<Answer> {
  const question = questions[id]
  if (question.kind === 'yes-no') return fc.boolean()
  if (question.kind === 'choice') return fc.constantFrom(...Object.keys(question.choices))
  return fc.oneof(
    fc.double({ min: question.min, max: question.max, noNaN: true }),
    fc.constantFrom(question.min, question.assume, question.max),
  )
}

function answered(values: Partial<Record<QuestionId, Answer>>): Map<QuestionId, KnownAnswer> {
  return new Map(
    Object.entries(values).map(([id, value]) => [id as QuestionId, { value, origin: 'answered' }]),
  )
}

describe('every decision', () => {
  for (const one of decisions) {
    test(`${one.id}: any answers lead to an option, and each flip told is a flip`, () => {
      fc.assert(
        fc.property(answersTo(one), (values) => {
          const advice = advise(one, answered(values), 0)
          for (const { question, when, value, to } of advice.flips) {
            const past = justPast(when, value)
            const flipped = advise(one, answered({ ...values, [question]: past }), 0)
            assert.equal(flipped.pick.id, to, `${one.id}: ${question} ${when} ${value}`)
            assert.notEqual(to, advice.pick.id)
          }
        }),
        { numRuns: 60 },
      )
    })

    test(`${one.id}: each option can be picked`, () => {
      const near = fc.sample(answersNear(one), { numRuns: 3000, seed: 1 })
      const picked = new Set(near.map((values) => advise(one, answered(values), 0).pick.id))
      const never = Object.entries(one.options).filter(
        ([option, { never }]) =>
          !never && !picked.has(option) && !one.flips.some(({ to }) => to === option),
      )
      assert.deepEqual(
        never.map(([option]) => option),
        [],
      )
    })
  }
})

function justPast(when: string, value: Answer): Answer {
  if (typeof value !== 'number') return value
  const step = Math.max(Math.abs(value), 1) * 1e-9
  if (when === 'above' || when === 'at least') return value + step
  return value - step
}

function askedBy(one: Decision): readonly QuestionId[] {
  return [...new Set(conditionsOf(one).map(({ question }) => question))]
}

function answersTo(one: Decision): fc.Arbitrary<Partial<Record<QuestionId, Answer>>> {
  return fc.record(Object.fromEntries(askedBy(one).map((id) => [id, arbitraryAnswer(id)])))
}

/** The answers that the tree tells apart: numbers on both sides of its thresholds. */
function answersNear(one: Decision): fc.Arbitrary<Partial<Record<QuestionId, Answer>>> {
  const numbers = (id: QuestionId) =>
    conditionsOf(one).flatMap((condition) =>
      condition.question === id && condition.op !== 'is'
        ? [condition.value * 0.9, condition.value * 1.1 + 0.1]
        : [],
    )
  return fc.record(
    Object.fromEntries(
      askedBy(one).map((id) => [
        id,
        questions[id].kind === 'number' ? fc.constantFrom(...numbers(id)) : arbitraryAnswer(id),
      ]),
    ),
  )
}

test('contradictory answers are named with both questions', () => {
  const given = known({ teams: 4, engineers: 1, tenants: 0, tenantIsolation: 'physical' })
  const found = contradictions(given)
  assert.equal(found.length, 2)
  assert.match(found[0] ?? '', /teams = 4 .* and engineers = 1 .*: several teams cannot be one/)
  assert.match(found[1] ?? '', /tenantIsolation = physical/)
  assert.deepEqual(contradictions(known({ teams: 4 })), [])
})
