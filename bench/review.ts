/**
 * How much the reviewer finds, and how quickly.
 *
 *   node tools/launch.mjs bench/review.ts             the corpus, into bench/REVIEW.md
 *   node tools/launch.mjs bench/review.ts <dir>...    trees: findings by rule, seconds, memory
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import { atLeast, type Finding, LEVELS } from '../src/review/report/finding.ts'
import { review } from '../src/review/review.ts'
import {
  corpusCases,
  precisionOf,
  recallOf,
  type Score,
  scoresOf,
  totalOf,
  tryCase,
} from '../test/review/corpus.ts'

const PAGE = join(import.meta.dirname, 'REVIEW.md')
const BEGIN = '<!-- corpus -->\n'
const END = '<!-- end of corpus -->'

async function corpus(): Promise<void> {
  const results = []
  for (const each of corpusCases()) results.push(await tryCase(each))
  const scores = scoresOf(results)
  const table = [
    '| rule | faults | found | look-alikes | wrong | recall | precision |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...[...scores, totalOf(scores)].map(rowOf),
  ].join('\n')
  const page = readFileSync(PAGE, 'utf8')
  const [before = '', rest = ''] = page.split(BEGIN)
  const after = rest.slice(rest.indexOf(END))
  writeFileSync(PAGE, `${before}${BEGIN}${table}\n${after}`)
  console.log(table)
}

function rowOf(score: Score): string {
  const { rule, found, missed, lookAlikes, wrong } = score
  const shares = [recallOf(score), precisionOf(score)].map(
    (share) => `${Math.round(share * 100)} %`,
  )
  return `| ${[rule, found + missed, found, lookAlikes, wrong, ...shares].join(' | ')} |`
}

function spent(sinceMs: number): string {
  return `${((systemClock.monotonicMs() - sinceMs) / 1000).toFixed(1)} s`
}

/** Of this process, its start included: what others do at the same time does not count. */
function cpuSeconds(): string {
  const { user, system } = process.cpuUsage()
  return ((user + system) / 1e6).toFixed(1)
}

async function tree(root: string): Promise<void> {
  const start = systemClock.monotonicMs()
  let first: string | undefined
  const told = (found: readonly Finding[]) => {
    if (first === undefined && found.some(({ level }) => atLeast(level, 'warning')))
      first = `${spent(start)}, ${cpuSeconds()} s of CPU`
  }
  const { findings, files, lines } = await review({ root, found: told })
  const seconds = spent(start)
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024)
  console.log(
    `${basename(root)}: ${lines} lines, ${files} files, ${seconds}, ${cpuSeconds()} s of CPU, ${megabytes} MB at most; first warning after ${first ?? 'none'}`,
  )
  for (const level of LEVELS.toReversed()) {
    const counts = Map.groupBy(
      findings.filter((finding) => finding.level === level),
      ({ rule }) => rule,
    )
    const sorted = [...counts].sort(([, left], [, right]) => right.length - left.length)
    console.log(
      `  ${level}: ${sorted.map(([rule, list]) => `${rule} ${list.length}`).join(', ') || 'none'}`,
    )
  }
}

const { positionals } = parseArgs({ allowPositionals: true })
if (positionals.length === 0) await corpus()
for (const root of positionals) await tree(root)
