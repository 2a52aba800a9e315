import { spawn } from 'node:child_process'
import type { ServerAccount } from './server-account.ts'

export interface ProgramOptions {
  readonly account: ServerAccount
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

export interface ProgramResult {
  /** null where a signal or the time limit ended it. */
  readonly code: number | null
  /** The errno (`ENOENT`, `EACCES`) where it could not be started at all. */
  readonly errno?: string | undefined
  readonly output: string
}

/** What is kept of a program's output: enough for its error, never a flood. */
const OUTPUT_CHARS_MAX = 16_384

/** Runs a program to its end; never rejects. */
export function runProgram(
  file: string,
  args: readonly string[],
  { account, env, timeoutMs }: ProgramOptions,
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      ...account,
      env,
      cwd: '/',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX)
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ code: null, errno: error.code, output: error.message }),
    )
    child.once('close', (code) => resolve({ code, output }))
  })
}
