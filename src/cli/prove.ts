/**
 * `holdfast prove races.ts`: explores every race that the files export.
 *
 * Exit codes: 0 all certified, 1 a violation, 2 the call or a race is wrong, 3 something could not be
 * decided and nothing was found.
 */
import { existsSync, globSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../base/clock.ts'
import { parseDurationMs } from '../base/duration.ts'
import { HoldfastError } from '../base/fault.ts'
import { exploreRace } from '../prove/explore-race.ts'
import { isRace, type Race } from '../prove/race.ts'
import { junitText, type Proven } from '../prove/report/junit.ts'
import { testFile } from '../prove/report/test-file.ts'
import { tracePage } from '../prove/report/trace-page.ts'
import { verdictText } from '../prove/report/verdict-text.ts'
import type { ExploreOptions, Progress, RaceServer, Verdict } from '../prove/verdict.ts'
import { serverAt } from '../testing/test-database.ts'
import type { Command, CommandCall, Terminal } from './command.ts'

export const proveCommand: Command = {
  name: 'prove',
  summary: 'Run the races of these files under every interleaving that matters',
  args: ['file...'],
  options: {
    only: { type: 'string', summary: 'The race of this name alone' },
    replay: { type: 'string', summary: 'This schedule alone, as a trace names it' },
    budget: { type: 'string', summary: 'For all of them, such as 60s; none by default' },
    all: { type: 'boolean', summary: 'Go on behind the first violation of a race' },
    json: { type: 'boolean', summary: 'The verdicts as JSON' },
    junit: { type: 'string', summary: 'Write the verdicts to this file for CI' },
    out: {
      type: 'string',
      summary: 'Write trace, page, replay and test of each violation to this folder',
    },
  },
  async run(call) {
    const races = await racesOf(call)
    const proven = await proveAll(races, call)
    report(proven, call)
    return exitCode(proven.map(({ verdict }) => verdict))
  },
}

interface NamedRace {
  readonly name: string
  readonly file: string
  readonly race: Race
}

function exitCode(verdicts: readonly Verdict[]): number {
  const has = (kind: Verdict['verdict']) => verdicts.some(({ verdict }) => verdict === kind)
  if (has('VIOLATION')) return 1
  return has('INCONCLUSIVE') ? 3 : 0
}

async function racesOf(call: CommandCall): Promise<NamedRace[]> {
  const files = call.args.flatMap((path) => filesAt(resolve(call.terminal.cwd, path)))
  const found: NamedRace[] = []
  for (const file of files) found.push(...(await racesIn(file)))
  const only = call.text('only')
  const chosen = found.filter(({ name }) => only === undefined || name === only)
  if (chosen.length > 0) return chosen
  const names = found.map(({ name }) => name).join(', ')
  throw usage(
    only === undefined
      ? `${call.args.join(', ')} exports no race: export const spend = race({ ... }), from holdfast/prove.`
      : `There is no race "${only}"; there is ${names || 'none'}.`,
  )
}

/** Files of a folder that say in their names that they hold races. */
const PATTERN = '**/{race,races,*.race,*.races}.{ts,mts,js,mjs}'

function filesAt(path: string): string[] {
  if (!existsSync(path)) throw usage(`There is no file ${path}.`)
  if (!statSync(path).isDirectory()) return [path]
  const files = globSync(PATTERN, { cwd: path, exclude: (name) => name === 'node_modules' })
  return files.sort().map((file) => join(path, file))
}

async function racesIn(file: string): Promise<NamedRace[]> {
  try {
    const exported: Record<string, unknown> = await import(pathToFileURL(file).href)
    return Object.entries(exported).flatMap(([name, race]) =>
      isRace(race) ? [{ name, file, race }] : [],
    )
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw new HoldfastError('HF_USAGE', `${file} cannot be read: ${(cause as Error).message}.`, {
      cause,
    })
  }
}

function usage(message: string): HoldfastError {
  return new HoldfastError('HF_USAGE', message)
}

/** An interrupt ends the search and keeps what was found; a second one ends the process. */
function onInterrupt(): { signal: AbortSignal; [Symbol.dispose](): void } {
  const controller = new AbortController()
  const abort = () => controller.abort()
  process.once('SIGINT', abort)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => void process.removeListener('SIGINT', abort),
  }
}

async function proveAll(races: readonly NamedRace[], call: CommandCall): Promise<Proven[]> {
  using interrupt = onInterrupt()
  const server = await serverOf(call.terminal)
  const budgetMs = budgetOf(call)
  const startMs = systemClock.monotonicMs()
  const replay = call.text('replay')
  const proven: Proven[] = []
  for (const { name, file, race } of races) {
    const options: ExploreOptions = {
      ...(server && { server }),
      ...(budgetMs && { budgetMs: budgetMs - (systemClock.monotonicMs() - startMs) }),
      ...(replay && { replay }),
      keepGoing: call.flag('all'),
      fewestRows: true,
      signal: interrupt.signal,
      onProgress: progress(name, call.terminal),
    }
    const verdict = await exploreRace(race, options)
    const shown = relative(call.terminal.cwd, file)
    proven.push({ name, file: shown, verdict })
    if (!call.flag('json'))
      call.terminal.out(`${verdictText(verdict, { name, cwd: call.terminal.cwd })}\n`)
  }
  return proven
}

async function serverOf({ env }: Terminal): Promise<RaceServer | undefined> {
  return env.DATABASE_URL ? serverAt(env.DATABASE_URL) : undefined
}

function budgetOf(call: CommandCall): number | undefined {
  const text = call.text('budget')
  if (text === undefined) return undefined
  const budgetMs = parseDurationMs(text)
  if (budgetMs === undefined) throw usage(`--budget ${text} is no duration, such as 60s or 5min.`)
  return budgetMs
}

/** Short races say nothing but their verdict. */
const PROGRESS_MS = 3_000

function progress(name: string, { err }: Terminal): (progress: Progress) => void {
  let nextMs = systemClock.monotonicMs() + PROGRESS_MS
  return ({ schedules, pruned, waiting }) => {
    if (systemClock.monotonicMs() < nextMs) return
    nextMs += PROGRESS_MS
    err(`${name}: ${schedules} schedules, ${pruned} pruned, at least ${waiting} left`)
  }
}

function report(proven: readonly Proven[], call: CommandCall): void {
  const { out, cwd } = call.terminal
  if (call.flag('json')) out(jsonText(proven))
  else out(summary(proven))
  const junit = call.text('junit')
  if (junit !== undefined) writeFileSync(resolve(cwd, junit), junitText(proven, cwd))
  const folder = call.text('out')
  if (folder !== undefined) writeFindings(proven, resolve(cwd, folder), call.terminal)
}

/** Parameters of statements may be bigints. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part), 2)
}

function summary(proven: readonly Proven[]): string {
  const count = (kind: Verdict['verdict']) =>
    proven.filter(({ verdict }) => verdict.verdict === kind).length
  return `${count('CERTIFIED')} certified, ${count('VIOLATION')} violated, ${count('INCONCLUSIVE')} inconclusive`
}

function writeFindings(proven: readonly Proven[], folder: string, terminal: Terminal): void {
  mkdirSync(folder, { recursive: true })
  for (const { name, file, verdict } of proven) {
    if (verdict.verdict !== 'VIOLATION') continue
    const from = relative(folder, resolve(terminal.cwd, file))
    const files = {
      [`${name}.txt`]: verdictText(verdict, { name, cwd: terminal.cwd }),
      [`${name}.html`]: tracePage(verdict, { name, cwd: terminal.cwd }),
      [`${name}.json`]: jsonText({ race: name, file, ...verdict }),
      [`${name}.test.ts`]: testFile(name, from.startsWith('.') ? from : `./${from}`, verdict),
    }
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), `${text}\n`)
  }
}
