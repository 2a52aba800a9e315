/** The command `holdfast`. Errors are told with their code and what to do next, without a stack. */
import { type FaultCode, HoldfastError } from '../base/fault.ts'
import type { Terminal } from './command.ts'
import { commands } from './commands.ts'
import { checkConfigOption } from './config.ts'
import { helpText } from './help.ts'
import { packageVersion } from './package-version.ts'
import { parseCommand } from './parse-command.ts'
import { askThrough } from './prompt.ts'

const MISUSE: readonly FaultCode[] = [
  'HF_USAGE',
  'HF_PROJECT_INVALID',
  'HF_CONFIG_INVALID',
  'HF_OPTION_INVALID',
  'HF_PROVE_SETUP',
  'HF_PROVE_PRIVILEGE',
  'HF_ANSWERS_INVALID',
  'HF_REVIEW_SETTINGS',
]

/** Resolves to the exit code. `argv`: the words behind `holdfast`. */
export async function main(
  argv: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<number> {
  try {
    const parsed = parseCommand(argv, commands, terminal)
    if (parsed.kind === 'help') return show(terminal, helpText(parsed.commands))
    if (parsed.kind === 'version') return show(terminal, await versionText())
    checkConfigOption(parsed.call.terminal.cwd, parsed.call.text('config'))
    return await parsed.command.run(parsed.call)
  } catch (error) {
    terminal.err(messageOf(error))
    return error instanceof HoldfastError && MISUSE.includes(error.code) ? 2 : 1
  }
}

function processTerminal(): Terminal {
  process.stdout.on('error', leaveQuietly)
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    ...(process.stdin.isTTY && process.stdout.isTTY
      ? { ask: askThrough(process.stdin, process.stdout) }
      : {}),
  }
}

/** Whoever reads our output has read enough (`| head`). */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}

function show({ out }: Terminal, text: string): 0 {
  out(text)
  return 0
}

function messageOf(error: unknown): string {
  if (error instanceof HoldfastError) return error.message
  return `Unexpected: ${error instanceof Error ? error.message : String(error)}`
}

async function versionText(): Promise<string> {
  return `holdfast ${await packageVersion()}, Node ${process.version}`
}
