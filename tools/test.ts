/**
 * `npm test [-- path...]`: types, lint, then every test, on one Postgres server for the whole run.
 * Fails when anything fails and when no test ran.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { dropLeftovers, shareTestServer, testServer } from '../src/testing/test-database.ts'

const root = join(import.meta.dirname, '..')
const PATTERNS = ['src', 'test', 'tools', 'example'].map((folder) => `${folder}/**/*.test.ts`)
/** More files at once than cores only make each slower; above four the shared server is the limit. */
const CONCURRENCY_MAX = 4
/** A test that needs longer hangs. */
const TEST_TIMEOUT_MS = 5 * 60_000
/** Three times what all of them take: a file that leaves something open would wait for ever. */
const RUN_TIMEOUT_MS = 25 * 60_000

function check(title: string, script: string, args: readonly string[]): boolean {
  console.log(`${title} ...`)
  const result = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return result.status === 0
}

function filesToRun(wanted: readonly string[]): string[] {
  return globSync(PATTERNS, { cwd: root })
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .sort()
    .map((file) => join(root, file))
}

interface Outcome {
  readonly passed: number
  readonly failed: number
}

function runTests(files: string[]): Promise<Outcome> {
  const concurrency = Math.min(availableParallelism(), CONCURRENCY_MAX)
  const signal = AbortSignal.timeout(RUN_TIMEOUT_MS)
  signal.onabort = () =>
    console.error(`The run was ended after ${RUN_TIMEOUT_MS / 60_000} minutes.`)
  const stream = run({ files, concurrency, timeout: TEST_TIMEOUT_MS, signal })
  let outcome: Outcome = { passed: 0, failed: 0 }
  stream.on('test:summary', ({ file, counts }) => {
    // Only the summary of the whole run has no file.
    if (file === undefined)
      outcome = {
        passed: counts.passed,
        failed: counts.tests - counts.passed - counts.skipped - counts.todo,
      }
  })
  const report = stream.compose(new spec())
  report.pipe(process.stdout, { end: false })
  return new Promise((resolve, reject) => {
    report.once('end', () => resolve(outcome))
    report.once('error', reject)
  })
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2)
  const sound =
    wanted.length > 0 ||
    [
      check('types (tsc)', 'typescript/bin/tsc', ['-p', '.', '--noEmit']),
      check('lint and format (biome)', '@biomejs/biome/bin/biome', ['check', '.']),
    ].every(Boolean)
  const server = await testServer()
  await dropLeftovers(server)
  shareTestServer(server)
  const { passed, failed } = await runTests(filesToRun(wanted))
  if (passed + failed === 0) console.error('No test ran.')
  if (!sound) console.error('Types or lint failed: see the top.')
  return sound && failed === 0 && passed > 0 ? 0 : 1
}

process.exit(await main())
