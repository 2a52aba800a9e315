/**
 * One Postgres server on one data folder.
 *
 * - *running*: a process lives that was started on this folder, known by `postmaster.pid` and by the
 *   command line of that process. A pid file alone proves nothing: after a crash its pid may belong to
 *   anybody, and Postgres itself would then refuse to start. Such a file is removed here.
 * - *ready*: the server has written `ready` on the eighth line of the pid file (as pg_ctl reads it).
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  fchownSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { isProcessAlive } from '../../runtime/process-liveness.ts'
import type { Binaries } from './binaries.ts'
import type { ServerAccount } from './server-account.ts'

export type ServerSettings = Readonly<Record<string, string | number>>

export interface PostmasterOptions {
  readonly binaries: Binaries
  readonly account: ServerAccount
  readonly dataDir: string
  readonly logFile: string
  readonly settings: ServerSettings
  /** Tried first, so that URLs stay the same over restarts. */
  readonly portWanted?: number | undefined
}

export interface Postmaster {
  readonly pid: number
  readonly port: number
}

/** Crash recovery replays at most max_wal_size (1 GB): well under this. */
const START_TIMEOUT_MS = 120_000
/** Between choosing a free port and binding it another process may take it. */
const PORT_ATTEMPTS_MAX = 5
/** After a SIGKILL the children of the old server need a moment to notice and let go of its memory. */
const OLD_MEMORY_ATTEMPTS_MAX = 100
const POLL_MS = 10
const FAST_STOP_TIMEOUT_MS = 10_000
const IMMEDIATE_STOP_TIMEOUT_MS = 5_000
const LOG_TAIL_CHARS = 2_000

interface PidFile {
  readonly pid: number
  readonly port: number
  readonly ready: boolean
}

/** Lines of postmaster.pid: pid, data folder, start time, port, socket folder, address, memory key, status. */
function readPidFile(dataDir: string): PidFile | undefined {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    if (!Number.isInteger(pid) || pid <= 0) return undefined
    return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
  } catch {
    return undefined
  }
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return execFileSync('/bin/ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
    })
  } catch {
    return ''
  }
}

type Holder = 'ours' | 'foreign' | 'unclear'

/** Postgres works in its data folder: that holds even where the folder was moved since. */
function holderOf(pid: number, dataDir: string): Holder {
  if (!isProcessAlive(pid)) return 'foreign'
  const command = commandLine(pid)
  if (command.includes(`-D ${dataDir} `)) return 'ours'
  if (command !== '' && !command.includes('postgres')) return 'foreign'
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir) ? 'ours' : 'foreign'
  } catch {
    return 'unclear'
  }
}

/** The server that runs on this data folder, if one does. */
export function runningPostmaster(dataDir: string): Postmaster | undefined {
  const file = readPidFile(dataDir)
  if (file === undefined || holderOf(file.pid, dataDir) !== 'ours') return undefined
  return { pid: file.pid, port: file.port }
}

/** Where it is unclear whose process it is, the file stays and Postgres decides: it refuses. */
function removeStalePidFile(dataDir: string): void {
  const file = readPidFile(dataDir)
  if (file !== undefined && holderOf(file.pid, dataDir) === 'foreign')
    rmSync(join(dataDir, 'postmaster.pid'), { force: true })
}

function isPortFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ host: '127.0.0.1', port }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}

async function freePort(wanted: number | undefined): Promise<number> {
  const kept = wanted === undefined ? undefined : await isPortFree(wanted)
  const port = kept ?? (await isPortFree(0))
  if (port === undefined)
    throw new HoldfastError('HF_EMBEDDED_START', 'No port is free on 127.0.0.1.')
  return port
}

/** Containers often give 64 MB of /dev/shm or none; parallel plans then fail in the middle. */
function sharedMemoryType(): 'posix' | 'mmap' {
  if (process.platform !== 'linux') return 'posix'
  try {
    const { bsize, blocks } = statfsSync('/dev/shm')
    return bsize * blocks >= 32 * 2 ** 20 ? 'posix' : 'mmap'
  } catch {
    return 'mmap'
  }
}

function argumentsFor(options: PostmasterOptions, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    dynamic_shared_memory_type: sharedMemoryType(),
    ...options.settings,
    port,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', options.dataDir, ...flags]
}

function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** What the server wrote since it was started: the reason where it failed. */
function logSince(path: string, start: number): string {
  try {
    return readFileSync(path).subarray(start).toString('utf8').slice(-LOG_TAIL_CHARS)
  } catch {
    return ''
  }
}

type Attempt = { readonly started: Postmaster } | { readonly failed: string }

/** Starts once; resolves when the server is ready or has ended. */
async function attempt(options: PostmasterOptions, port: number): Promise<Attempt> {
  const logStart = fileSize(options.logFile)
  const log = openSync(options.logFile, 'a', 0o600)
  // A later start may be as the user who owns the project.
  if (options.account.uid && options.account.gid)
    fchownSync(log, options.account.uid, options.account.gid)
  const child = spawn(options.binaries.postgres, argumentsFor(options, port), {
    ...options.account,
    env: options.binaries.env,
    cwd: options.dataDir,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  child.unref()
  let ended = false
  child.once('error', () => {
    ended = true
  })
  child.once('exit', () => {
    ended = true
  })
  const startedMs = systemClock.monotonicMs()
  while (!ended) {
    const file = readPidFile(options.dataDir)
    if (file?.pid === child.pid && file?.ready && child.pid)
      return { started: { pid: child.pid, port } }
    if (systemClock.monotonicMs() - startedMs > START_TIMEOUT_MS) {
      child.kill('SIGQUIT')
      throw new HoldfastError(
        'HF_EMBEDDED_TIMEOUT',
        `The server on ${options.dataDir} was not ready after ${START_TIMEOUT_MS} ms.`,
      )
    }
    await sleep(POLL_MS)
  }
  return { failed: logSince(options.logFile, logStart) }
}

function startFault(options: PostmasterOptions, log: string): HoldfastError {
  if (log.includes('No space left on device'))
    return new HoldfastError('HF_EMBEDDED_DISK_FULL', `The disk of ${options.dataDir} is full.`)
  if (/Permission denied|has wrong ownership|invalid permissions/.test(log))
    return new HoldfastError(
      'HF_EMBEDDED_FOLDER',
      `${options.dataDir} cannot be used: ${log.trim()}`,
    )
  return new HoldfastError(
    'HF_EMBEDDED_START',
    `The server ended at once: ${log.trim() || 'no log'}`,
  )
}

/** Starts the server, or throws with the reason. The caller has seen that none runs on the folder. */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  let portsTried = 0
  let memoryTried = 0
  let portWanted = options.portWanted
  for (;;) {
    removeStalePidFile(options.dataDir)
    const result = await attempt(options, await freePort(portWanted))
    if ('started' in result) return result.started
    if (/could not bind|could not create any TCP/.test(result.failed)) {
      portWanted = undefined
      if (++portsTried < PORT_ATTEMPTS_MAX) continue
    } else if (result.failed.includes('pre-existing shared memory block')) {
      await sleep(POLL_MS * 10)
      if (++memoryTried < OLD_MEMORY_ATTEMPTS_MAX) continue
    }
    throw startFault(options, result.failed)
  }
}

async function isGoneWithin(pid: number, timeoutMs: number): Promise<boolean> {
  const startedMs = systemClock.monotonicMs()
  while (isProcessAlive(pid)) {
    if (systemClock.monotonicMs() - startedMs > timeoutMs) return false
    await sleep(POLL_MS)
  }
  return true
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already.
  }
}

/** Ends the server: open transactions are rolled back (fast), then without a checkpoint, then hard. */
export async function stopPostmaster({ pid }: Postmaster): Promise<void> {
  signal(pid, 'SIGINT')
  if (await isGoneWithin(pid, FAST_STOP_TIMEOUT_MS)) return
  signal(pid, 'SIGQUIT')
  if (await isGoneWithin(pid, IMMEDIATE_STOP_TIMEOUT_MS)) return
  signal(pid, 'SIGKILL')
  await isGoneWithin(pid, IMMEDIATE_STOP_TIMEOUT_MS)
}
