/** The rulebook names what there must be; each entry must be whole. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Entry } from '../rules/rule.ts'
import { findRule, rules } from '../rules/rules.ts'
import { calculators } from './calculators/calculators.ts'
import { decisions } from './decisions/decisions.ts'
import { conditionsOf } from './evaluate.ts'
import { handOffs } from './hand-offs.ts'
import { playbooks } from './playbooks/playbooks.ts'
import { questions } from './questions.ts'

const DECISIONS = [
  'database',
  'service-shape',
  'scaling',
  'transport',
  'framework',
  'query-layer',
  'authentication',
  'multi-tenancy',
  'caching',
  'broker',
  'sync-or-async',
  'consistency',
  'pagination',
  'versioning',
  'error-style',
  'observability',
  'testing-mix',
  'deployment',
  'file-storage',
  'search-engine',
  'edge-or-origin',
  'isolation',
]

const CALCULATORS = [
  'cost',
  'tco',
  'scale',
  'availability',
  'slo',
  'pool',
  'retry',
  'queue',
  'cache',
  'latency',
]

const PLAYBOOKS = [
  'service-design-review',
  'production-readiness',
  'performance',
  'deploy',
  'database-slow',
  'pool-exhausted',
  'queue-growing',
  'dependency-down',
  'disk-full',
  'bad-migration',
  'leaked-secret',
  'on-call-hygiene',
  'data-repair',
  'dependency-freshness',
]

const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id)
const everything: readonly Entry[] = [...decisions, ...calculators, ...playbooks]

describe('the rulebook is whole', () => {
  test('every decision, calculator, playbook and hand-off is there', () => {
    assert.deepEqual(ids(decisions), DECISIONS)
    assert.deepEqual(ids(calculators), CALCULATORS)
    assert.deepEqual(ids(playbooks), PLAYBOOKS)
    assert.equal(handOffs.length, 6)
  })

  test('no two entries share a name', () => {
    const all = [...ids(everything), ...ids(rules), ...ids(handOffs)]
    assert.deepEqual(
      all.filter((id, index) => all.indexOf(id) !== index),
      [],
    )
  })

  test('each rule that is referred to is there', () => {
    const unknown = everything.flatMap(({ id, related }) =>
      related.filter((other) => findRule(other) === undefined).map((other) => `${id}: ${other}`),
    )
    assert.deepEqual(unknown, [])
  })

  test('each source is an address with the day it was looked at', () => {
    for (const { id, sources } of everything) {
      assert.ok(sources.length > 0, id)
      for (const { title, url, checked } of sources) {
        assert.ok(title.length > 5)
        assert.match(url, /^https:\/\/[\w.-]+\/\S+$/)
        assert.match(checked, /^20\d\d-[01]\d-[0-3]\d$/)
      }
    }
  })
})

describe('each decision', () => {
  for (const one of decisions) {
    test(`${one.id} has all of its parts`, () => {
      const used = new Set([...one.branches, one.otherwise].map(({ pick }) => pick))
      assert.ok(used.size >= 2, 'a decision with one outcome is none')
      for (const { name, cost } of Object.values(one.options)) assert.ok(name && cost)
      for (const { why } of [...one.branches, one.otherwise]) assert.ok(why.length > 40, why)
      for (const { to } of one.flips) assert.ok(Object.hasOwn(one.options, to))
      assert.ok(one.flips.length > 0, 'a number at which it flips that has to be measured')
      assert.ok(one.measure.length > 0 && one.uncertainty.length > 20 && one.rule.length > 20)
      for (const { question } of conditionsOf(one)) assert.ok(Object.hasOwn(questions, question))
    })
  }

  test('every question is asked by some decision', () => {
    const texts = decisions.map((one) => JSON.stringify(one))
    const unused = Object.keys(questions).filter(
      (id) => !texts.some((text) => text.includes(`"question":"${id}"`)),
    )
    assert.deepEqual(unused, [])
  })
})

describe('each calculator and playbook', () => {
  for (const one of calculators) {
    test(`${one.id} shows formulas, units, doubt`, () => {
      assert.ok(one.formulas.length > 0 && one.uncertainty.length > 40)
      for (const { ask, min, max, assume } of Object.values(one.inputs))
        assert.ok(ask && min <= assume && assume <= max, ask)
    })
  }

  for (const one of playbooks) {
    test(`${one.id} has steps, commands and an end`, () => {
      assert.ok(one.steps.length >= 5 && one.done.length > 20 && one.says.length > 0)
      assert.ok(one.steps.some(({ run }) => run !== undefined))
    })
  }
})
