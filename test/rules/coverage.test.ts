/** Every entry of the rulebook is whole, and what it points at is there. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Rule } from '../../src/rules/rule.ts'
import { findRule, rules, rulesOfDetector, rulesOfSymptom } from '../../src/rules/rules.ts'
import { type SymptomId, symptoms } from '../../src/rules/symptom.ts'
import { anchors } from '../../tools/docs/markdown.ts'
import { antiPatternIds, patternIds } from './ids.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const isThere = (path: string) => existsSync(join(root, path))

/** "id: what is wrong" for each rule of which `faultOf` says something. */
function faults(faultOf: (rule: Rule) => readonly string[]): readonly string[] {
  return rules.flatMap((rule) => faultOf(rule).map((fault) => `${rule.id}: ${fault}`))
}

describe('the rulebook', () => {
  test('has an entry for everything that it must speak of, and no other', () => {
    const ids = (kind: string) => rules.filter((rule) => rule.kind === kind).map(({ id }) => id)
    assert.deepEqual(ids('pattern').sort(), [...patternIds].sort())
    assert.deepEqual(ids('anti-pattern').sort(), [...antiPatternIds].sort())
  })

  test('every rule has its code, and all code has its rule', () => {
    const files = globSync('src/rules/code/*/*.ts', { cwd: root }).sort()
    const expected = rules.flatMap(({ id }) =>
      ['broken.ts', 'fixed.ts'].map((file) => `src/rules/code/${id}/${file}`),
    )
    assert.deepEqual(files, expected.sort())
  })

  test('broken and fixed code differ, and fit on a screen', () => {
    const faulty = faults(({ id }) => {
      const [broken, fixed] = ['broken.ts', 'fixed.ts'].map((file) =>
        read(`src/rules/code/${id}/${file}`),
      )
      const isLong = [broken, fixed].some((code) => (code ?? '').split('\n').length > 60)
      return [...(broken === fixed ? ['the same twice'] : []), ...(isLong ? ['too long'] : [])]
    })
    assert.deepEqual(faulty, [])
  })
})

describe('the text of a rule', () => {
  const SHORT = 160

  test('is a sentence to follow, a mechanism with its failure, and where it ends', () => {
    const faulty = faults(({ title, rule, why, whenNot }) => [
      ...(title.length > 80 || title.endsWith('.') ? ['title'] : []),
      ...(/^[A-Z0-9/].*\.$/.test(rule) && rule.length <= 220 ? [] : ['rule']),
      ...(why.length >= SHORT && why.length <= 900 ? [] : [`why has ${why.length} characters`]),
      ...(/\.$/.test(whenNot) && whenNot.length >= 36 ? [] : ['whenNot']),
    ])
    assert.deepEqual(faulty, [])
  })

  test('says nothing twice', () => {
    const seen = new Map<string, string>()
    const twice = faults(({ id, rule, why, whenNot, holdfast }) =>
      [rule, why, whenNot, holdfast?.does ?? '']
        .flatMap((text) => text.split(/(?<=[.!?]) /))
        .filter((sentence) => sentence.length > 25)
        .filter((sentence) => {
          const isOld = seen.has(sentence)
          seen.set(sentence, id)
          return isOld
        }),
    )
    assert.deepEqual(twice, [])
  })
})

describe('what a rule points at', () => {
  test('related entries are there, and never itself', () => {
    const faulty = faults(({ id, related }) => [
      ...(related.length === 0 ? ['alone'] : []),
      ...related.filter((other) => other === id || findRule(other) === undefined),
    ])
    assert.deepEqual(faulty, [])
  })

  test('symptoms lead to it, and each symptom leads somewhere', () => {
    assert.deepEqual(
      faults((rule) => (rule.symptoms.length === 0 ? ['no symptom'] : [])),
      [],
    )
    const idle = Object.keys(symptoms).filter((id) => rulesOfSymptom(id as SymptomId).length < 2)
    assert.deepEqual(idle, [])
  })

  test('sources have an address and a day', () => {
    const faulty = faults(({ sources }) => [
      ...(sources.length === 0 ? ['no source'] : []),
      ...sources
        .filter(({ url, checked }) => !URL.canParse(url) || !/^\d{4}-\d\d-\d\d$/.test(checked))
        .map(({ title }) => title),
    ])
    assert.deepEqual(faulty, [])
  })

  test('a claimed default names code, guides and errors that are there', () => {
    const faulty = faults(({ holdfast }) =>
      (holdfast?.see ?? []).filter((target) => {
        const [path = '', anchor] = target.split('#')
        if (!isThere(path)) return true
        return anchor !== undefined && !anchors(read(path)).has(anchor)
      }),
    )
    assert.deepEqual(faulty, [])
  })

  test('a claimed default has a test that proves it', () => {
    const faulty = faults(({ holdfast }) =>
      holdfast === undefined || (holdfast.proof.endsWith('.test.ts') && isThere(holdfast.proof))
        ? []
        : [holdfast.proof],
    )
    assert.deepEqual(faulty, [])
    assert.ok(rules.filter(({ holdfast }) => holdfast !== undefined).length >= 60)
  })
})

describe('detectors', () => {
  const found = globSync('src/review/detectors/**/*.ts', { cwd: root })
    .filter((path) => !path.endsWith('.test.ts'))
    .flatMap((path) => [...read(path).matchAll(/^\s*id: '([\w-]+)'/gm)].map(([, id = '']) => id))

  test('that a rule names are there', () => {
    assert.ok(found.length >= 60)
    assert.deepEqual(
      faults(({ detectors }) => detectors.filter((id) => !found.includes(id))),
      [],
    )
  })

  test('find each anti-pattern, or it says why code does not show it and what does', () => {
    assert.deepEqual(
      faults(({ kind, detectors, unseen }) => {
        const isSeen = detectors.length > 0
        if (kind === 'pattern') return unseen === undefined ? [] : ['a pattern is no fault']
        if (isSeen) return unseen === undefined ? [] : ['found, and yet unseen']
        return unseen !== undefined && unseen.length >= 60 && unseen.endsWith('.')
          ? []
          : ['no reason']
      }),
      [],
    )
  })

  test('lead to their rule, gravest first', () => {
    assert.deepEqual(
      found.filter((id) => findRule(id) === undefined && rulesOfDetector(id).length === 0),
      [],
    )
    assert.deepEqual(
      rulesOfDetector('check-then-act').map(({ id }) => id),
      ['check-then-act'],
    )
  })
})

describe('code that is executed', () => {
  test('is most of what can be', () => {
    const executed = globSync('test/rules/*.test.ts', { cwd: root }).flatMap((path) =>
      [...read(path).matchAll(/^ *executes(?:<[^>]+>)?\('([\w-]+)'/gm)].map(([, id = '']) => id),
    )
    assert.deepEqual(
      executed.filter((id) => findRule(id) === undefined),
      [],
    )
    assert.ok(new Set(executed).size >= 100, `${new Set(executed).size} pairs`)
  })
})
