import { existsSync, statSync } from 'node:fs'
import { matchesGlob, relative, resolve, sep } from 'node:path'
import { HoldfastError } from '../base/fault.ts'
import { readBaseline, writeBaseline } from '../review/report/baseline.ts'
import { type Changes, changesSince } from '../review/report/changes.ts'
import { atLeast, type Finding, type Level } from '../review/report/finding.ts'
import { sarifOf } from '../review/report/sarif.ts'
import { levelOf, settingsOf } from '../review/report/settings.ts'
import { summaryLine, terminalLines } from '../review/report/terminal.ts'
import { type Review, review, ruleIds } from '../review/review.ts'
import type { Command, CommandCall } from './command.ts'

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
    const settings = settingsOf(root, ruleIds)
    const level = levelOf('--level', call.text('level')) ?? settings.level ?? 'warning'
    if (call.flag('json') && call.flag('sarif'))
      throw usage('--json and --sarif exclude each other.')
    const changes = changesOf(call, root)
    const only = onlyOf(call, root)
    const reviewed = await review({
      root,
      off: new Set(settings.off),
      isIgnored: (path) =>
        !isBelow(path, only) || settings.ignore.some((glob) => matchesGlob(path, glob)),
      ...(changes && { only: [...changes.keys()] }),
      progress: progressTo(call),
    })
    return report(call, reviewed, chosen(call, reviewed, level, changes))
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

/** A tree that takes longer than a glance. */
const PROGRESS_FILES = 2_000

function progressTo({ terminal }: CommandCall): (done: number, all: number) => void {
  return (done, all) => {
    if (all > PROGRESS_FILES && done > 0 && done % PROGRESS_FILES === 0)
      terminal.err(`read ${done} of ${all} files`)
  }
}

function chosen(
  call: CommandCall,
  { findings }: Review,
  level: Level,
  changes: Changes | undefined,
): readonly Finding[] {
  const file = call.text('baseline')
  const known = file === undefined ? new Set() : readBaseline(resolve(call.terminal.cwd, file))
  return findings.filter(
    (finding) =>
      atLeast(finding.level, level) &&
      !known.has(finding.fingerprint) &&
      isChanged(finding, changes),
  )
}

function isChanged({ path, line, endLine }: Finding, changes: Changes | undefined): boolean {
  const lines = changes?.get(path)
  if (changes === undefined || lines === 'all') return true
  return lines !== undefined && [...lines].some((each) => each >= line && each <= endLine)
}

function report(call: CommandCall, reviewed: Review, findings: readonly Finding[]): number {
  const { terminal } = call
  const written = call.text('write-baseline')
  if (written !== undefined) {
    writeBaseline(resolve(terminal.cwd, written), findings)
    terminal.err(
      `${findings.length} findings written to ${relative(terminal.cwd, resolve(terminal.cwd, written)).split(sep).join('/')}.`,
    )
    return 0
  }
  if (call.flag('json'))
    terminal.out(JSON.stringify({ version: 1, ...reviewed, findings }, null, 2))
  else if (call.flag('sarif')) terminal.out(JSON.stringify(sarifOf(reviewed, findings), null, 2))
  else for (const line of terminalLines(findings, { color: hasColor(call) })) terminal.out(line)
  for (const { path, why } of call.flag('verbose') ? reviewed.passedOver : [])
    terminal.err(`passed over ${path}: ${why}`)
  terminal.err(summaryLine(reviewed, findings))
  return findings.length > 0 ? 1 : 0
}

function hasColor({ terminal }: CommandCall): boolean {
  if (terminal.env.NO_COLOR) return false
  return Boolean(terminal.env.FORCE_COLOR) || process.stdout.isTTY === true
}
