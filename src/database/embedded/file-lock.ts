/**
 * A lock between processes, as a folder with the pid of its holder. It saves double work only: what
 * it guards is safe without it (whole folders are renamed into place, and Postgres itself refuses a
 * second server on one data folder), so the small race in taking over a dead holder's lock is bearable.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { randomToken } from '../../base/id.ts'
import { isProcessAlive } from '../../runtime/process-liveness.ts'

const POLL_MS = 20
/** Between making the folder and writing the pid lie microseconds; ten seconds mean it died there. */
const PIDLESS_MS_MAX = 10_000

function tryLock(path: string): boolean {
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  writeFileSync(join(path, 'pid'), String(process.pid))
  return true
}

function holderIsDead(path: string, nowMs: number): boolean {
  try {
    const pid = Number(readFileSync(join(path, 'pid'), 'utf8'))
    if (Number.isInteger(pid) && pid > 0) return !isProcessAlive(pid)
  } catch {
    // Not written yet: judged by age.
  }
  const made = statSync(path, { throwIfNoEntry: false })
  return made !== undefined && nowMs - made.mtimeMs > PIDLESS_MS_MAX
}

function breakLock(path: string): void {
  const aside = `${path}.dead-${randomToken(6)}`
  try {
    renameSync(path, aside)
    rmSync(aside, { recursive: true, force: true })
  } catch {
    // Another process was quicker.
  }
}

/** Runs `work` while holding the lock at `path`; waits for the holder at most `timeoutMs`. */
export async function withFileLock<T>(
  path: string,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const startedMs = systemClock.monotonicMs()
  while (!tryLock(path)) {
    if (holderIsDead(path, systemClock.now())) breakLock(path)
    else if (systemClock.monotonicMs() - startedMs > timeoutMs)
      throw new HoldfastError(
        'HF_EMBEDDED_TIMEOUT',
        `Another process has held ${path} for ${timeoutMs} ms.`,
      )
    else await sleep(POLL_MS)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}
