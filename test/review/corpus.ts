/**
 * The corpus: per rule, faults that must be found and look-alikes that must not. Cases stand in text
 * files, out of the sight of compiler and lint:
 *
 *   === name of the case (library)
 *   --- src/app.ts            a file of it; src/app.ts where none is named
 *   await pool.query(...)     //!           the line where the fault is told
 *   await pool.query(...)     //! warning   and its level, where that is what the case is about
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { review } from '../../src/review/review.ts'

export interface CorpusCase {
  readonly rule: string
  readonly name: string
  readonly isFault: boolean
  readonly files: Readonly<Record<string, string>>
  /** path:line of each mark. */
  readonly marks: readonly string[]
  /** The level that a mark asks for. */
  readonly levels: ReadonlyMap<string, string>
}

export interface CaseResult {
  readonly of: CorpusCase
  readonly found: readonly string[]
  readonly missed: readonly string[]
  readonly wrong: readonly string[]
}

const folder = join(import.meta.dirname, 'corpus')
const MARK = /[ \t]*(?:\/\/|--|#)!(?: (error|warning|info))?$/

export function corpusCases(): CorpusCase[] {
  return readdirSync(folder)
    .sort()
    .flatMap((rule) => [
      ...casesIn(rule, 'faults.txt', true),
      ...casesIn(rule, 'look-alikes.txt', false),
    ])
}

function casesIn(rule: string, file: string, isFault: boolean): CorpusCase[] {
  const text = readFileSync(join(folder, rule, file), 'utf8')
  return text
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      return caseOf(rule, part.slice(0, end).trim(), isFault, part.slice(end + 1))
    })
}

function caseOf(rule: string, name: string, isFault: boolean, body: string): CorpusCase {
  const [first = '', ...others] = body.split(/^--- /m)
  const parts = first.trim() === '' ? others : [`src/app.ts\n${first}`, ...others]
  const files: Record<string, string> = {}
  const marks: string[] = []
  const levels = new Map<string, string>()
  for (const part of parts) {
    const end = part.indexOf('\n')
    const path = part.slice(0, end).trim()
    const lines = part.slice(end + 1).split('\n')
    for (const [index, line] of lines.entries()) {
      const mark = MARK.exec(line)
      if (mark === null) continue
      marks.push(`${path}:${index + 1}`)
      if (mark[1] !== undefined) levels.set(`${path}:${index + 1}`, mark[1])
    }
    files[path] = lines.map((line) => line.replace(MARK, '')).join('\n')
  }
  return { rule, name, isFault, files, marks, levels }
}

/** Writes a case as a project of its own and reviews it. */
export async function tryCase(of: CorpusCase): Promise<CaseResult> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-corpus-'))
  try {
    const files = { 'package.json': manifestOf(of), ...of.files }
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const { findings } = await review({ root })
    const told = new Map(
      findings
        .filter(({ rule }) => rule === of.rule)
        .map(({ path, line, level }) => [`${path}:${line}`, level]),
    )
    const isFound = (mark: string) =>
      told.has(mark) && (of.levels.get(mark) ?? told.get(mark)) === told.get(mark)
    return {
      of,
      found: of.marks.filter(isFound),
      missed: of.marks.filter((mark) => !isFound(mark)),
      wrong: [...told.keys()].filter((place) => !of.marks.includes(place)),
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** A project depends on what it imports. */
function manifestOf({ files }: CorpusCase): string {
  const specifiers = Object.values(files).flatMap((text) =>
    [...text.matchAll(/(?:from|require\()\s*['"]([^.'"][^'"]*)['"]/g)].map(
      (match) => match[1] ?? '',
    ),
  )
  const names = specifiers.map((each) =>
    each
      .split('/')
      .slice(0, each.startsWith('@') ? 2 : 1)
      .join('/'),
  )
  return JSON.stringify({
    name: 'case',
    dependencies: Object.fromEntries(names.map((name) => [name, '*'])),
  })
}

export interface Score {
  readonly rule: string
  readonly faults: number
  readonly lookAlikes: number
  readonly found: number
  readonly missed: number
  readonly wrong: number
}

export function scoresOf(results: readonly CaseResult[]): Score[] {
  return [...Map.groupBy(results, ({ of }) => of.rule)].map(([rule, list]) => ({
    rule,
    faults: list.filter(({ of }) => of.isFault).length,
    lookAlikes: list.filter(({ of }) => !of.isFault).length,
    found: sum(list.map(({ found }) => found.length)),
    missed: sum(list.map(({ missed }) => missed.length)),
    wrong: sum(list.map(({ wrong }) => wrong.length)),
  }))
}

export function totalOf(scores: readonly Score[]): Score {
  const all = (pick: (score: Score) => number) => sum(scores.map(pick))
  return {
    rule: 'total',
    faults: all(({ faults }) => faults),
    lookAlikes: all(({ lookAlikes }) => lookAlikes),
    found: all(({ found }) => found),
    missed: all(({ missed }) => missed),
    wrong: all(({ wrong }) => wrong),
  }
}

export function recallOf({ found, missed }: Score): number {
  return found + missed === 0 ? 1 : found / (found + missed)
}

export function precisionOf({ found, wrong }: Score): number {
  return found + wrong === 0 ? 1 : found / (found + wrong)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((left, right) => left + right, 0)
}
