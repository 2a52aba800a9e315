/** What the reviewer finds of faults that are known, and what it takes for one that is none. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { ruleIds } from '../../src/review/review.ts'
import {
  type CaseResult,
  corpusCases,
  precisionOf,
  recallOf,
  scoresOf,
  totalOf,
  tryCase,
} from './corpus.ts'

const CASES_MIN = 5
const SCRIPT = 'bench/review.ts'

describe('the corpus', () => {
  const results: CaseResult[] = []

  before(async () => {
    for (const each of corpusCases()) results.push(await tryCase(each))
  })

  test('holds five faults and five look-alikes of each rule, each fault marked', () => {
    const scores = new Map(scoresOf(results).map((score) => [score.rule, score]))
    assert.deepEqual([...scores.keys()].sort(), [...ruleIds].sort())
    for (const { rule, faults, lookAlikes } of scores.values()) {
      assert.ok(
        faults >= CASES_MIN && lookAlikes >= CASES_MIN,
        `${rule}: ${faults} faults, ${lookAlikes} look-alikes`,
      )
    }
    for (const { of } of results)
      assert.equal(of.marks.length > 0, of.isFault, `${of.rule}: ${of.name}`)
  })

  test('is found: nine of ten faults, and nineteen of twenty findings are faults', () => {
    const problems = results.flatMap(({ of, missed, wrong }) => [
      ...missed.map((place) => `missed ${of.rule}: ${of.name} ${place}`),
      ...wrong.map((place) => `wrong ${of.rule}: ${of.name} ${place}`),
    ])
    const total = totalOf(scoresOf(results))
    assert.ok(recallOf(total) >= 0.9 && precisionOf(total) >= 0.95, problems.join('\n'))
    for (const score of scoresOf(results)) {
      assert.ok(
        recallOf(score) >= 0.8 && precisionOf(score) >= 0.8,
        `${score.rule}:\n${problems.join('\n')}`,
      )
    }
  })

  test('stands in the page of measurements, rule by rule', () => {
    const page = readFileSync(join(import.meta.dirname, '../../bench/REVIEW.md'), 'utf8')
    for (const { rule, found, missed } of scoresOf(results)) {
      const row = `| ${rule} | ${found + missed} | ${found} |`
      assert.ok(page.includes(row), `${rule}: run node tools/launch.mjs ${SCRIPT}`)
    }
  })
})
