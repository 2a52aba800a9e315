/**
 * What the reduction leaves, compared with everything. A thousand programs take the better part of an
 * hour: each result is kept in a file as it comes, and a run that was ended goes on from there.
 */
import { createHash } from 'node:crypto'
import { appendFileSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RaceServer } from '../../src/prove/verdict.ts'
import { testServer } from '../../src/testing/test-database.ts'
import { compare } from '../../test/race/soundness/compare.ts'
import { directed } from '../../test/race/soundness/directed.ts'
import { type Program, programOf, textOf } from '../../test/race/soundness/program.ts'
import { table } from '../lib/statistics.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const KEPT = `${ROOT}.holdfast/soundness.jsonl`

interface Result {
  /** Of the explorer and the program: a result of others says nothing of these. */
  readonly version: string
  readonly seed: number
  readonly difference?: string
  readonly all: number
  readonly reduced: number
}

function digestOfSources(): string {
  const hash = createHash('sha256')
  const files = globSync(['src/prove/**/*.ts', 'test/race/soundness/{program,apart,compare}.ts'], {
    cwd: ROOT,
    exclude: ['**/*.test.ts'],
  })
  for (const file of files.sort()) hash.update(file).update(readFileSync(`${ROOT}${file}`))
  return hash.digest('hex')
}

function versionOf(program: Program, sources: string): string {
  const text = `${sources}\n${textOf(program)}`
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function readKept(): Result[] {
  mkdirSync(dirname(KEPT), { recursive: true })
  appendFileSync(KEPT, '')
  const lines = readFileSync(KEPT, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line))
}

async function resultOf(program: Program, version: string, server: RaceServer): Promise<Result> {
  const { difference, all, reduced } = await compare(program, { server })
  const result = { version, seed: program.seed, ...(difference && { difference }), all, reduced }
  appendFileSync(KEPT, `${JSON.stringify(result)}\n`)
  return result
}

async function resultsOf(programs: Iterable<Program>): Promise<Result[]> {
  const server = await testServer()
  const sources = digestOfSources()
  const kept = new Map(readKept().map((result) => [result.version, result]))
  const results: Result[] = []
  for (const program of programs) {
    const version = versionOf(program, sources)
    const result = kept.get(version) ?? (await resultOf(program, version, server))
    if (result.difference) console.error(result.difference)
    results.push(result)
  }
  return results
}

function* generated(count: number) {
  for (let seed = 1; seed <= count; seed += 1) yield programOf(seed)
}

function rowOf(name: string, results: readonly Result[]): string[] {
  const sum = (pick: (result: Result) => number) =>
    results.reduce((total, result) => total + pick(result), 0)
  const different = results.filter(({ difference }) => difference !== undefined).length
  const [all, reduced] = [sum((result) => result.all), sum((result) => result.reduced)]
  return [
    name,
    ...[results.length, different, all, reduced].map(String),
    (all / reduced).toFixed(1),
  ]
}

/** `count`: of the generated programs. */
export async function soundnessTable(count: number): Promise<string> {
  const rows = [
    rowOf('directed', await resultsOf(directed)),
    rowOf(`generated, seeds 1 to ${count}`, await resultsOf(generated(count))),
  ]
  return table(
    ['programs', 'number', 'with another set of outcomes', 'schedules', 'reduced to', 'factor'],
    rows,
  )
}
