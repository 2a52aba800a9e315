/** Where a project keeps what is its own: `.holdfast/`, or below /var/tmp what cannot lie there. */
import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'
import { runProgram } from './run-program.ts'
import type { ServerAccount } from './server-account.ts'

const PROBE_TIMEOUT_MS = 10_000

function folderFault(path: string, cause: unknown): HoldfastError {
  const { code } = cause as NodeJS.ErrnoException
  return code === 'ENOSPC'
    ? new HoldfastError('HF_EMBEDDED_DISK_FULL', `The disk of ${path} is full.`, { cause })
    : new HoldfastError('HF_EMBEDDED_FOLDER', `Cannot write to ${path} (${code}).`, { cause })
}

/** `.holdfast/` of the project, made if need be. */
export function projectFolder(projectDir: string): string {
  const path = join(projectDir, '.holdfast')
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 })
    accessSync(path, constants.W_OK)
    return realpathSync(path)
  } catch (cause) {
    throw folderFault(path, cause)
  }
}

/**
 * A folder of this user below /var/tmp, the same one for the same purpose each time. Others may have
 * made a folder of that name to slip in programs of their own: then it is refused.
 */
export function fallbackFolder(purpose: string): string {
  const uid = process.getuid?.() ?? 0
  const hash = createHash('sha256').update(purpose).digest('hex').slice(0, 16)
  const path = `/var/tmp/holdfast-${uid}-${hash}`
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 })
    const made = lstatSync(path)
    if (!made.isDirectory() || made.uid !== uid || (made.mode & 0o022) !== 0)
      throw Object.assign(new Error('foreign folder'), { code: 'EPERM' })
    chmodSync(path, 0o755)
    return path
  } catch (cause) {
    throw folderFault(path, cause)
  }
}

/** Whether the server's user can reach and use files in the folder. Asked of the system itself. */
export async function isReachable(folder: string, account: ServerAccount): Promise<boolean> {
  if (account.uid === undefined) return true
  const { code } = await runProgram('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], {
    account,
    env: {},
    timeoutMs: PROBE_TIMEOUT_MS,
  })
  return code === 0
}
