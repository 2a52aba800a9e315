import { existsSync, statSync } from 'node:fs'
import { matchesGlob, relative, resolve, sep } from 'node:path'
import { HoldfastError } from '../base/fault.ts'
import { readBaseline, writeBaseline } from '../review/report/baseline.ts'
import { type Changes, changesSince } from '../review/report/changes.ts'
import { atLeast, type Finding, type Level, moreOf } from '../review/report/finding.ts'
import { sarifOf } from '../review/report/sarif.ts'
import { levelOf, settingsOf } from '../review/report/settings.ts'
import { pathLines, summaryLine, terminalLines } from '../review/report/terminal.ts'
import { type Review, review, ruleIds } from '../review/review.ts'
import type { Command, CommandCall } from './command.ts'
import { unwritable } from './unwritable.ts'

export const reviewCommand: Command = {
  name: 'review',
  summary: 'Look for the faults that lose, double or leak, in any TypeScript or JavaScript backend',
  example: 'holdfast review src --level error',
  exits: { 1: 'something was found' },
  args: ['dir?'],
  options: {
    level: {
      type: 'string',
      summary: 'Show, and fail on, this and worse: error, warning (default), info',
    },
    only: { type: 'string', summary: 'This file or folder alone; what it imports is read as well' },
    diff: { type: 'string', summary: 'Only what was changed since this git revision' },
    json: { type: 'boolean', summary: 'The findings as JSON' },
    sarif: { type: 'boolean', summary: 'The findings as SARIF 2.1.0' },
    baseline: { type: 'string', summary: 'Leave out what this file lists' },
    'write-baseline': { type: 'string', summary: 'Write the findings into this file, and succeed' },
    verbose: { type: 'boolean', summary: 'Also list the files that were passed over, and why' },
  },
  async run(call) {
    const root = rootOf(call)
    const settings = await settingsOf(root, ruleIds, configOf(call))
    const level = levelOf('--level', call.text('level')) ?? settings.level ?? 'warning'
    if (call.flag('json') && call.flag('sarif'))
      throw usage('--json and --sarif exclude each other.')
    const changes = changesOf(call, root)
    const only = onlyOf(call, root)
    const show = new Show(call, isShown(call, level, changes))
    const reviewed = await review({
      root,
      off: new Set(settings.off),
      isIgnored: (path) =>
        !isBelow(path, only) || settings.ignore.some((glob) => matchesGlob(path, glob)),
      ...(changes && { only: [...changes.keys()] }),
      progress: (done, all) => show.progress(done, all),
      found: (findings) => show.found(findings),
    })
    return show.report(reviewed)
  },
}

function usage(message: string): HoldfastError {
  return new HoldfastError('HF_USAGE', `holdfast review: ${message}`)
}

function rootOf({ terminal, args }: CommandCall): string {
  const root = resolve(terminal.cwd, args[0] ?? '.')
  if (!existsSync(root)) throw usage(`there is no folder ${root}.`)
  if (!statSync(root).isDirectory()) throw usage(`${root} is no folder.`)
  return root
}

function configOf({ terminal, text }: CommandCall): string | undefined {
  const given = text('config')
  return given === undefined ? undefined : resolve(terminal.cwd, given)
}

/** From the root, with slashes; '' for all of it. */
function onlyOf({ terminal, text }: CommandCall, root: string): string {
  const wanted = text('only')
  if (wanted === undefined) return ''
  const path = resolve(terminal.cwd, wanted)
  if (!existsSync(path)) throw usage(`--only ${wanted}: there is no such file or folder.`)
  const inside = relative(root, path).split(sep).join('/')
  if (inside.startsWith('..')) throw usage(`--only ${wanted} lies outside of ${root}.`)
  return inside
}

function isBelow(file: string, wanted: string): boolean {
  return wanted === '' || file === wanted || file.startsWith(`${wanted}/`)
}

function changesOf(call: CommandCall, root: string): Changes | undefined {
  const revision = call.text('diff')
  return revision === undefined ? undefined : changesSince(root, revision)
}

function isShown(
  call: CommandCall,
  level: Level,
  changes: Changes | undefined,
): (finding: Finding) => boolean {
  const file = call.text('baseline')
  const known = file === undefined ? new Set() : readBaseline(resolve(call.terminal.cwd, file))
  return (finding) =>
    atLeast(finding.level, level) && !known.has(finding.fingerprint) && isChanged(finding, changes)
}

function isChanged({ path, line, endLine }: Finding, changes: Changes | undefined): boolean {
  const lines = changes?.get(path)
  if (changes === undefined || lines === 'all') return true
  return lines !== undefined && [...lines].some((each) => each >= line && each <= endLine)
}

/** Some two seconds of reading. */
const PROGRESS_FILES = 2_000
/**
 * Findings of a larger tree are shown as they come, those that needed every file after the others;
 * of a smaller one all together, file by file: that takes a second or two.
 */
const ORDERED_FILES_MAX = 1_000

/** What the caller sees: findings as lines, or as a document. */
class Show {
  readonly #call: CommandCall
  readonly #isShown: (finding: Finding) => boolean
  readonly #isText: boolean
  #isLarge = false
  /** By fingerprint. */
  readonly #pathless = new Set<string>()

  constructor(call: CommandCall, isShown: (finding: Finding) => boolean) {
    this.#call = call
    this.#isShown = isShown
    this.#isText =
      !call.flag('json') && !call.flag('sarif') && call.text('write-baseline') === undefined
  }

  progress(done: number, all: number): void {
    this.#isLarge = all > ORDERED_FILES_MAX
    if (all > PROGRESS_FILES && done > 0 && done % PROGRESS_FILES === 0)
      this.#call.terminal.err(`read ${done} of ${all} files`)
  }

  found(findings: readonly Finding[]): void {
    if (!this.#isText || !this.#isLarge) return
    const shown = findings.filter(this.#isShown)
    for (const { fingerprint, trail } of shown)
      if (trail.length === 0) this.#pathless.add(fingerprint)
    this.#print(shown)
  }

  #printPaths(findings: readonly Finding[]): void {
    const late = findings.filter(
      ({ fingerprint, trail }) => trail.length > 0 && this.#pathless.has(fingerprint),
    )
    for (const line of pathLines(late, { color: hasColor(this.#call) }))
      this.#call.terminal.out(line)
  }

  #print(findings: readonly Finding[]): void {
    const lines = terminalLines(findings, { color: hasColor(this.#call) })
    for (const line of lines) this.#call.terminal.out(line)
  }

  report(reviewed: Review): number {
    const findings = reviewed.findings.filter(this.#isShown)
    const written = this.#call.text('write-baseline')
    if (written !== undefined) return writeFindings(this.#call, written, findings)
    if (!this.#isText) this.#call.terminal.out(documentOf(this.#call, reviewed, findings))
    else if (this.#isLarge) this.#printPaths(findings)
    else this.#print(findings)
    for (const { path, why } of this.#call.flag('verbose') ? reviewed.passedOver : [])
      this.#call.terminal.err(`passed over ${path}: ${why}`)
    this.#call.terminal.err(summaryLine(reviewed, findings))
    return findings.length > 0 ? 1 : 0
  }
}

function writeFindings(
  { terminal }: CommandCall,
  written: string,
  findings: readonly Finding[],
): number {
  const file = resolve(terminal.cwd, written)
  try {
    writeBaseline(file, findings)
  } catch (error) {
    throw unwritable(written, error)
  }
  const shown = relative(terminal.cwd, file).split(sep).join('/')
  terminal.err(`${findings.length} findings written to ${shown}.`)
  return 0
}

function documentOf(call: CommandCall, reviewed: Review, findings: readonly Finding[]): string {
  const document = call.flag('sarif')
    ? sarifOf(reviewed, findings)
    : { version: 1, ...reviewed, findings: findings.map(withMore) }
  return JSON.stringify(document, null, 2)
}

function withMore(finding: Finding): object {
  return { ...finding, more: moreOf(finding.rule) }
}

function hasColor({ terminal }: CommandCall): boolean {
  if (terminal.env.NO_COLOR) return false
  return Boolean(terminal.env.FORCE_COLOR) || process.stdout.isTTY === true
}
