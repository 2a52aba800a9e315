/**
 * `holdfast prove races.ts`: explores every race and every program of `crash` that the files export.
 * `holdfast prove`: the commands of the project's app with each other.
 *
 * Exit codes: 0 all certified, 1 a violation, 2 the call or a subject is wrong, 3 something could not be
 * decided and nothing was found.
 */
import { existsSync, globSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { parseDurationMs } from '../base/duration.ts'
import { HoldfastError } from '../base/fault.ts'
import { type Crash, isCrash } from '../prove/crash/crash.ts'
import { exploreCrashes } from '../prove/crash/explore-crashes.ts'
import type { CrashProgress } from '../prove/crash/verdict.ts'
import { exploreRace } from '../prove/explore-race.ts'
import type { ExploredPair } from '../prove/pairs/explored-pair.ts'
import { isPairs } from '../prove/pairs/pairs.ts'
import { isRace, type Race } from '../prove/race.ts'
import { junitText, type Proven } from '../prove/report/junit.ts'
import type { AnyVerdict } from '../prove/report/reported.ts'
import { testFile } from '../prove/report/test-file.ts'
import { tracePage } from '../prove/report/trace-page.ts'
import { verdictText } from '../prove/report/verdict-text.ts'
import type { Progress, RaceServer } from '../prove/verdict.ts'
import { serverAt } from '../testing/test-database.ts'
import type { Command, CommandCall, Terminal } from './command.ts'
import { importProjectFile } from './project-code.ts'
import { inputLines, type NamedPairs, proveFileOf, provePairs, scenarioOf } from './prove-pairs.ts'

export const proveCommand: Command = {
  name: 'prove',
  summary:
    'Run what these files export, or the commands of the app, under every interleaving and every crash that matters',
  example: 'holdfast prove races.ts --junit races.xml',
  exits: { 1: 'a rule is broken', 3: 'a search was cut off before its end' },
  args: ['file...?'],
  options: {
    only: {
      type: 'string',
      summary:
        'What is exported under this name alone; of an app the pair, or the pairs of a command',
    },
    seed: { type: 'string', summary: 'The number that inputs of pairs are drawn by; 1 by default' },
    replay: { type: 'string', summary: 'This schedule or run alone, as a trace names it' },
    budget: { type: 'string', summary: 'For all of them, such as 60s; none by default' },
    all: { type: 'boolean', summary: 'Go on behind the first violation of each' },
    json: { type: 'boolean', summary: 'The verdicts as JSON' },
    junit: { type: 'string', summary: 'Write the verdicts to this file for CI' },
    out: {
      type: 'string',
      summary: 'Write trace, page, replay and test of each violation to this folder',
    },
  },
  async run(call) {
    const proven = await proveAll(await subjectsOf(call), call)
    report(proven, call)
    return exitCode(proven.map(({ verdict }) => verdict))
  },
}

interface NamedSubject {
  readonly name: string
  readonly file: string
  readonly subject: Race | Crash
}

/** Of a pair, what it was called with too. */
interface ProvenSubject extends Proven {
  readonly pair?: ExploredPair
  readonly of?: NamedPairs
}

function exitCode(verdicts: readonly AnyVerdict[]): number {
  const has = (kind: AnyVerdict['verdict']) => verdicts.some(({ verdict }) => verdict === kind)
  if (has('VIOLATION')) return 1
  return has('INCONCLUSIVE') ? 3 : 0
}

async function subjectsOf(call: CommandCall): Promise<(NamedSubject | NamedPairs)[]> {
  const found = await everySubjectOf(call)
  const only = call.text('only')
  // Which pairs there are is known once they are made.
  const chosen = found.filter(
    ({ name, subject }) => only === undefined || name === only || isPairs(subject),
  )
  if (chosen.length > 0) return chosen
  const names = found.map(({ name }) => name).join(', ')
  throw usage(
    only === undefined
      ? `${call.args.join(', ') || 'The file of the project'} exports nothing to prove: export const spend = race({ ... }), crash({ ... }) or pairs({ app }), from holdfast/prove.`
      : `There is no "${only}"; there is ${names || 'none'}.`,
  )
}

async function everySubjectOf(call: CommandCall): Promise<(NamedSubject | NamedPairs)[]> {
  const { cwd } = call.terminal
  const own = call.args.length === 0 ? await proveFileOf(call) : []
  if (typeof own === 'object' && 'subject' in own) return [own]
  const files = [...call.args, own].flat().flatMap((path) => filesAt(resolve(cwd, path)))
  const found: (NamedSubject | NamedPairs)[] = []
  for (const file of files) found.push(...(await subjectsIn(file)))
  return found
}

/** Files of a folder that say in their names what they hold. */
const PATTERN = '**/{race,races,crash,crashes,*.race,*.races,*.crash,*.crashes}.{ts,mts,js,mjs}'

function filesAt(path: string): string[] {
  if (!existsSync(path)) throw usage(`There is no file ${path}.`)
  if (!statSync(path).isDirectory()) return [path]
  const files = globSync(PATTERN, { cwd: path, exclude: (name) => name === 'node_modules' })
  return files.sort().map((file) => join(path, file))
}

async function subjectsIn(file: string): Promise<(NamedSubject | NamedPairs)[]> {
  try {
    const exported = await importProjectFile(file)
    return Object.entries(exported).flatMap<NamedSubject | NamedPairs>(([name, subject]) => {
      if (isPairs(subject)) return [{ name, file, subject }]
      return isRace(subject) || isCrash(subject) ? [{ name, file, subject }] : []
    })
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

async function proveAll(
  subjects: readonly (NamedSubject | NamedPairs)[],
  call: CommandCall,
): Promise<ProvenSubject[]> {
  using interrupt = onInterrupt()
  const server = await serverOf(call.terminal)
  const budgetMs = budgetOf(call)
  const startMs = systemClock.monotonicMs()
  const proven: ProvenSubject[] = []
  const tell = (one: ProvenSubject) => {
    proven.push(one)
    if (!call.flag('json')) call.terminal.out(shown(one, call))
  }
  for (const named of subjects)
    await proveOne(named, call, tell, {
      ...(server && { server }),
      ...(budgetMs && { budgetMs: budgetMs - (systemClock.monotonicMs() - startMs) }),
      keepGoing: call.flag('all'),
      signal: interrupt.signal,
    })
  return proven
}

async function proveOne(
  named: NamedSubject | NamedPairs,
  call: CommandCall,
  tell: (one: ProvenSubject) => void,
  options: Omit<ProveOptions, 'onProgress'>,
): Promise<void> {
  const file = relative(call.terminal.cwd, named.file)
  if (isNamedPairs(named)) {
    const onPair = (pair: ExploredPair) =>
      tell({ name: pair.name, file, verdict: pair.verdict, pair, of: named })
    return provePairs(named, call, { ...options, onPair })
  }
  const { name, subject } = named
  const replay = call.text('replay')
  const onProgress = progress(name, call.terminal)
  const verdict = await prove(subject, { ...options, ...(replay && { replay }), onProgress })
  tell({ name, file, verdict })
}

function isNamedPairs(named: NamedSubject | NamedPairs): named is NamedPairs {
  return isPairs(named.subject)
}

/** Of a pair also what it was called with: of a violation as a scenario to copy. */
function shown({ name, verdict, pair, of }: ProvenSubject, call: CommandCall): string {
  const { cwd } = call.terminal
  const text = verdictText(verdict, { name, cwd })
  if (pair === undefined || of === undefined) return `${text}\n`
  if (verdict.verdict !== 'VIOLATION') return [text, ...inputLines(pair), ''].join('\n')
  const scenario = scenarioOf(of, pair, cwd, call)
    .trimEnd()
    .replaceAll(/^(?=.)/gm, '    ')
  return `${text}\n\n  The same as a scenario; --out writes it, with a test:\n\n${scenario}\n`
}

/** What all explorers are told. */
interface ProveOptions {
  readonly server?: RaceServer
  readonly budgetMs?: number
  readonly replay?: string
  readonly keepGoing: boolean
  readonly signal: AbortSignal
  readonly onProgress: (progress: Progress | CrashProgress) => void
}

function prove(subject: Race | Crash, options: ProveOptions): Promise<AnyVerdict> {
  return isRace(subject)
    ? exploreRace(subject, { ...options, fewestRows: true })
    : exploreCrashes(subject, options)
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

/** What is short says nothing but its verdict. */
const PROGRESS_MS = 3_000

function progress(name: string, { err }: Terminal): ProveOptions['onProgress'] {
  let nextMs = systemClock.monotonicMs() + PROGRESS_MS
  return (made) => {
    if (systemClock.monotonicMs() < nextMs) return
    nextMs += PROGRESS_MS
    err(
      'runs' in made
        ? `${name}: ${made.runs} runs, ${made.waiting} faults left`
        : `${name}: ${made.schedules} schedules, ${made.pruned} pruned, at least ${made.waiting} left`,
    )
  }
}

function report(proven: readonly ProvenSubject[], call: CommandCall): void {
  const { out, cwd } = call.terminal
  if (call.flag('json')) out(jsonText(proven.map(jsonOf)))
  else out(summary(proven))
  const junit = call.text('junit')
  if (junit !== undefined) writeFileSync(resolve(cwd, junit), junitText(proven, cwd))
  const folder = call.text('out')
  if (folder !== undefined) writeFindings(proven, resolve(cwd, folder), call)
}

/** Of a pair, what it was called with, on which rows. */
function jsonOf({ name, file, verdict, pair }: ProvenSubject) {
  return { name, file, verdict, ...(pair && { run: pair.run, seed: pair.seed }) }
}

/** Parameters of statements may be bigints. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part), 2)
}

function summary(proven: readonly Proven[]): string {
  const count = (kind: AnyVerdict['verdict']) =>
    proven.filter(({ verdict }) => verdict.verdict === kind).length
  return `${count('CERTIFIED')} certified, ${count('VIOLATION')} violated, ${count('INCONCLUSIVE')} inconclusive`
}

function writeFindings(proven: readonly ProvenSubject[], folder: string, call: CommandCall): void {
  const { cwd } = call.terminal
  mkdirSync(folder, { recursive: true })
  for (const { name, file, verdict, pair, of } of proven) {
    if (verdict.verdict !== 'VIOLATION') continue
    const scenario = pair && of && scenarioOf(of, pair, folder, call)
    const exported = scenario === undefined ? resolve(cwd, file) : join(folder, `${name}.races.ts`)
    const from = relative(folder, exported)
    const files = {
      [`${name}.txt`]: verdictText(verdict, { name, cwd }),
      [`${name}.html`]: tracePage(verdict, { name, cwd }),
      [`${name}.json`]: jsonText({ race: name, file, ...verdict }),
      [`${name}.test.ts`]: testFile(name, from.startsWith('.') ? from : `./${from}`, verdict),
      ...(scenario !== undefined && { [`${name}.races.ts`]: scenario }),
    }
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), `${text}\n`)
  }
}
