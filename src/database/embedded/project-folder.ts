/** Where a project keeps what is its own: `.holdfast/`. */
import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'
import { runProgram } from './run-program.ts'
import type { ServerAccount } from './server-account.ts'

const PROBE_TIMEOUT_MS = 10_000

export function folderFault(path: string, cause: unknown): HoldfastError {
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
