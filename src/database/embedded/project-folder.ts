/** Where a project keeps what is its own: `.holdfast/`, or below /var/tmp what cannot lie there. */
import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
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

/** Others may have made a folder of that name to slip in programs of their own: then it is refused. */
function privateFolder(path: string): string {
  const uid = process.getuid?.() ?? 0
  mkdirSync(path, { recursive: true, mode: 0o755 })
  const made = lstatSync(path)
  if (!made.isDirectory() || made.uid !== uid || (made.mode & 0o022) !== 0)
    throw Object.assign(new Error('It belongs to another user.'), { code: 'EPERM' })
  chmodSync(path, 0o755)
  return path
}

/**
 * A folder of this machine user outside of any project, the same one for the same purpose each time.
 * @param bases tried in this order
 */
export function fallbackFolder(purpose: string, bases = ['/var/tmp', tmpdir()]): string {
  const hash = createHash('sha256').update(purpose).digest('hex').slice(0, 16)
  const paths = bases.map((base) => join(base, `holdfast-${process.getuid?.() ?? 0}-${hash}`))
  let reason: unknown
  for (const path of paths) {
    try {
      return privateFolder(path)
    } catch (error) {
      reason ??= error
    }
  }
  throw folderFault(paths[0] ?? '', reason)
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
