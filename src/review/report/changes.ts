/** What was changed since a revision, by git: files, and the lines in them that are new. */
import { spawnSync } from 'node:child_process'
import { HoldfastError } from '../../base/fault.ts'

/** Lines that were added or changed; 'all' for a file that git does not know yet. */
export type Changes = ReadonlyMap<string, ReadonlySet<number> | 'all'>

/** A diff of a hundred thousand lines. */
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
const TIMEOUT_MS = 20_000

export function changesSince(root: string, revision: string): Changes {
  if (revision.startsWith('-')) throw failed(`"${revision}" is no revision`)
  // Outside of a repository, `git diff` would compare files and complain about something else.
  git(root, ['rev-parse', '--is-inside-work-tree'])
  const diff = git(root, [
    'diff',
    '--relative',
    '--no-ext-diff',
    '--no-color',
    '--no-renames',
    '--unified=0',
    revision,
    '--',
    '.',
  ])
  const added = git(root, ['ls-files', '--others', '--exclude-standard', '-z', '--', '.'])
  const found = new Map<string, ReadonlySet<number> | 'all'>(linesOf(diff))
  for (const path of added.split('\0').filter(Boolean)) found.set(path, 'all')
  return found
}

function git(cwd: string, args: readonly string[]): string {
  // No pager, filter or hook of the tree may run: it is somebody else's code.
  const safe = [
    '-c',
    'core.fsmonitor=false',
    '-c',
    'core.hooksPath=/dev/null',
    '-c',
    'core.quotepath=off',
  ]
  const { status, stdout, stderr, error } = spawnSync('git', [...safe, ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    timeout: TIMEOUT_MS,
  })
  if (error !== undefined) throw failed(error.message)
  if (status !== 0) throw failed(stderr.trim().split('\n')[0] ?? 'git failed')
  return stdout
}

function failed(why: string): HoldfastError {
  return new HoldfastError('HF_USAGE', `--diff: ${why}.`)
}

function linesOf(diff: string): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>()
  let current: Set<number> | undefined
  for (const line of diff.split('\n')) {
    const file = /^\+\+\+ (?:b\/)?(.*?)\t?$/.exec(line)?.[1]
    if (file !== undefined) {
      current = file === '/dev/null' ? undefined : new Set()
      if (current !== undefined) found.set(file, current)
    }
    const hunk = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line)
    if (hunk === null || current === undefined) continue
    const start = Number(hunk[1])
    for (let at = start; at < start + Number(hunk[2] ?? 1); at++) current.add(at)
  }
  return found
}
