/** The style of this repository as a test. What is wrong is listed whole, each with what to do instead. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkArrows, checkCycles, checkDeadFiles, checkStores } from './tidy/arrows.ts'
import { checkBanned, checkMachinePaths } from './tidy/banned.ts'
import { EXCEPTIONS_MAX, exceptions } from './tidy/exceptions.ts'
import { describe, type Exception, type Finding, withExceptions } from './tidy/finding.ts'
import { checkLockfile } from './tidy/lockfile.ts'
import { checkSizes } from './tidy/sizes.ts'
import { sourceFile } from './tidy/source-file.ts'

const root = join(import.meta.dirname, '..')
const FOLDERS = ['src', 'example', 'console', 'tools', 'test', 'bench', 'bin']

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

const files = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.{ts,mjs}`, { cwd: root }))
  .filter((path) => !path.includes('node_modules/') && !path.endsWith('.d.ts'))
  .sort()
  .map((path) => sourceFile(path, read(path)))

const TEXT = /\.(?:ts|mjs|json|md|sql|yml|yaml|sh|html|css)$|^\.ci\/run$/

/** Tracked files; in an unpacked archive, the code alone. */
function textFiles(): { path: string; text: string }[] {
  try {
    const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
    return tracked
      .split('\0')
      .filter((path) => TEXT.test(path) && globSync(path, { cwd: root }).length > 0)
      .map((path) => ({ path, text: read(path) }))
  } catch {
    return files.map(({ path, text }) => ({ path, text }))
  }
}

const checks: Readonly<Record<string, () => Finding[]>> = {
  'imports run down the rings': () => checkArrows(files),
  'each store has one reader': () => checkStores(files),
  'no import cycle': () => checkCycles(files),
  'no dead file': () => checkDeadFiles(files, read('package.json')),
  'no long function, no long file': () => checkSizes(files),
  'no banned call': () => checkBanned(files),
  'no path of a machine': () => checkMachinePaths(textFiles()),
  'the lockfile is whole': () => checkLockfile(read('package.json'), read('package-lock.json')),
  'so is that of the telemetry bench': () =>
    checkLockfile(
      read('bench/telemetry/package.json'),
      read('bench/telemetry/package-lock.json'),
      'bench/telemetry/package-lock.json',
    ),
}

const found = new Map(Object.entries(checks).map(([title, check]) => [title, check()]))
const rulesFound = new Map(
  [...found].map(([title, list]) => [title, new Set(list.map(({ rule }) => rule))]),
)

function exceptionsOf(title: string): Exception[] {
  return exceptions.filter(({ rule }) => rulesFound.get(title)?.has(rule))
}

for (const [title, list] of found)
  test(title, () => {
    const left = withExceptions(list, exceptionsOf(title))
    assert.equal(left.length, 0, `\n${left.map(describe).join('\n')}\n`)
  })

test('there are few exceptions, each with a reason and a need', () => {
  assert.ok(exceptions.length <= EXCEPTIONS_MAX)
  for (const { reason } of exceptions) assert.ok(reason.length >= 20, 'Say why.')
  const unused = withExceptions([...found.values()].flat(), exceptions).filter(({ message }) =>
    message.startsWith('Its exception'),
  )
  assert.deepEqual(unused.map(describe), [])
})

test('there is something to check', () => {
  assert.ok(files.length > 100)
})
