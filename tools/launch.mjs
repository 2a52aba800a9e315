#!/usr/bin/env node
/**
 * Runs a script of this repository on its pinned Node, from whatever Node (20 or newer) is there:
 *
 *   node tools/launch.mjs <script> [arguments]
 *
 * 1. Dependencies are installed when `node_modules` is missing or differs from the lockfile. Several
 *    launchers may start at once: one installs, the others wait for its lock.
 * 2. The pinned Node is a platform package (its binary needs no install script).
 * 3. The script runs there with this terminal, these signals and its own exit code.
 *
 * Plain JavaScript without dependencies: it runs before anything is installed.
 */
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 24
/** A cold install of everything took under a minute on a slow line; ten are a hang. */
const INSTALL_TIMEOUT_MS = 10 * 60_000
const LOCK_POLL_MS = 200

const root = fileURLToPath(new URL('..', import.meta.url))

class LaunchError extends Error {}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** npm writes what it installed to node_modules/.package-lock.json; optional packages may be absent. */
export function installedAsLocked(folder) {
  const locked = readJson(join(folder, 'package-lock.json'))?.packages
  const installed = readJson(join(folder, 'node_modules/.package-lock.json'))?.packages
  if (locked === undefined) throw new LaunchError(`No readable package-lock.json in ${folder}.`)
  if (installed === undefined) return false
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true
    const present = installed[path]
    if (present === undefined) return Boolean(wanted.optional || wanted.devOptional || wanted.peer)
    return present.version === wanted.version && present.integrity === wanted.integrity
  })
}

export function pinnedNode(folder) {
  const platform = `${process.platform}-${process.arch}`
  const candidates = [`node-${platform}`, `node-bin-${platform}`]
  return candidates
    .map((name) => join(folder, 'node_modules', name, 'bin/node'))
    .find((path) => existsSync(path))
}

function usableNode() {
  const pinned = pinnedNode(root)
  if (pinned !== undefined) return pinned
  return Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN
    ? process.execPath
    : undefined
}

function pause(delayMs) {
  return new Promise((done) => setTimeout(done, delayMs))
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** A lock is stale when its owner is gone, or died between making the folder and writing its pid. */
function isStale(lock) {
  const pid = Number(readJson(join(lock, 'pid')))
  if (Number.isInteger(pid) && pid > 0) return !isAlive(pid)
  const ageMs = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
  return ageMs > 10_000
}

function tryLock(lock) {
  try {
    mkdirSync(lock)
    writeFileSync(join(lock, 'pid'), String(process.pid))
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw new LaunchError(`Cannot write to ${root} (${error.code}). Make the folder writable.`)
  }
}

async function withInstallLock(work) {
  const lock = join(root, '.holdfast-install.lock')
  const giveUpAt = Date.now() + INSTALL_TIMEOUT_MS
  while (!tryLock(lock)) {
    if (isStale(lock)) rmSync(lock, { recursive: true, force: true })
    else if (Date.now() > giveUpAt)
      throw new LaunchError(`Another install seems to hang. Remove ${lock} and start again.`)
    else await pause(LOCK_POLL_MS)
  }
  try {
    return await work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

/** Under `npm run` the very npm that was called is used again; otherwise the one on the PATH. */
function npmCommand() {
  const npmPath = process.env.npm_execpath
  if (npmPath?.endsWith('npm-cli.js') && existsSync(npmPath)) return [process.execPath, [npmPath]]
  return ['npm', []]
}

function npmInstall() {
  const [command, before] = npmCommand()
  const args = [...before, 'ci', '--no-audit', '--no-fund', '--loglevel=error']
  console.error('Installing dependencies (npm ci) ...')
  return new Promise((done, fail) => {
    // npm's report goes to stderr: the output of the script stays its own.
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
    const timer = setTimeout(() => child.kill('SIGTERM'), INSTALL_TIMEOUT_MS)
    child.once('error', (error) =>
      fail(new LaunchError(`Cannot run npm (${error.code}). Install npm and start again.`)),
    )
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) done()
      else fail(new LaunchError(`npm ci failed (${signal ?? `exit code ${code}`}), see above.`))
    })
  })
}

function isReady() {
  return installedAsLocked(root) && usableNode() !== undefined
}

async function prepare() {
  if (isReady()) return
  // Checked again inside the lock: whoever held it has most likely installed everything.
  await withInstallLock(() => (isReady() ? undefined : npmInstall()))
}

/** The kernel says ENOENT for a file that is there when its loader is not: a system without glibc. */
function cannotRun(node, { code }) {
  const hint = code === 'ENOENT' ? ' It needs glibc, which Alpine has not: use another system.' : ''
  return new LaunchError(`Cannot run ${node} (${code}).${hint}`)
}

function run(node, args) {
  // Each process would strip and compile the same sources again: tests start many.
  const NODE_COMPILE_CACHE = join(root, 'node_modules/.cache/compiled')
  const env = { NODE_COMPILE_CACHE, ...process.env }
  const child = spawn(node, args, { env, stdio: 'inherit' })
  // A terminal sends its interrupt to the child as well; a second one would force it to end at once.
  const inTerminal = [process.stdin, process.stdout, process.stderr].some((end) => end.isTTY)
  process.on('SIGINT', () => {
    if (!inTerminal) child.kill('SIGINT')
  })
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((done, fail) => {
    child.once('error', (error) => fail(cannotRun(node, error)))
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal]))
  })
}

async function main([script, ...args]) {
  if (script === undefined) throw new LaunchError('Usage: node tools/launch.mjs <script> [args]')
  await prepare()
  const node = usableNode()
  if (node === undefined)
    throw new LaunchError(
      `No Node ${NODE_MAJOR_MIN} or newer, and none is pinned for ${process.platform}-${process.arch}. ` +
        `Install Node ${NODE_MAJOR_MIN}+ (this is ${process.version}) and start again.`,
    )
  return run(node, [resolve(root, script), ...args])
}

// Real paths: the folder may be reached through a link, and Node resolves only one of the two.
if (realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url))) {
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error) => {
      console.error(error instanceof LaunchError ? error.message : error)
      process.exit(1)
    },
  )
}
