/** Explores what a set expects, and says whether the verdict is the right one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exploreRace } from '../../src/prove/explore-race.ts'
import { race } from '../../src/prove/race.ts'
import type { Verdict } from '../../src/prove/verdict.ts'
import { testServer } from '../../src/testing/test-database.ts'
import type { Expectation } from './benchmark.ts'

export interface Explored {
  readonly expectation: Expectation
  readonly verdict: Verdict
  /** Undefined: it is right. */
  readonly wrong: string | undefined
}

function classesOf(verdict: Verdict): readonly string[] {
  return verdict.verdict === 'VIOLATION' ? verdict.findings.map((finding) => finding.class) : []
}

function wrongWith({ broken, finds }: Expectation, verdict: Verdict): string | undefined {
  const expected = broken ? 'VIOLATION' : 'CERTIFIED'
  const classes = classesOf(verdict)
  if (verdict.verdict !== expected) {
    const why = verdict.verdict === 'INCONCLUSIVE' ? `: ${verdict.reason}` : ` ${classes}`
    return `expected ${expected}, and got ${verdict.verdict}${why}`
  }
  if (finds === undefined || classes.includes(finds)) return undefined
  return `expected ${finds}, and got ${classes}`
}

export async function explore(expectation: Expectation): Promise<Explored> {
  const server = await testServer()
  const verdict = await exploreRace(race(expectation.definition), { server })
  return { expectation, verdict, wrong: wrongWith(expectation, verdict) }
}

/** One test for each. */
export function testAll(expectations: readonly Expectation[]): void {
  for (const expectation of expectations)
    test(expectation.title, async () => {
      const { wrong } = await explore(expectation)
      assert.equal(wrong, undefined)
    })
}

/** How many are expected to break: a set that has lost some of its cells is another set. */
export function testCount(
  expectations: readonly Expectation[],
  expected: { readonly broken: number; readonly safe: number },
): void {
  test(`${expected.broken} are expected to break, and ${expected.safe} to hold`, () => {
    const broken = expectations.filter((expectation) => expectation.broken).length
    assert.deepEqual({ broken, safe: expectations.length - broken }, expected)
  })
}
