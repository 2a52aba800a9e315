/**
 * The command `holdfast`.
 *
 * Exit codes: 0 done, 1 it failed, 2 the command line or the configuration is wrong, 3 it could not be
 * decided (prove). Errors are told
 * with their code and what to do next, without a stack.
 */
import { type FaultCode, HoldfastError } from '../base/fault.ts'
import { adviseCommand } from './advise.ts'
import type { Command, CommandOption, Terminal } from './command.ts'
import { dev } from './dev.ts'
import { explainCommand } from './explain.ts'
import { keyNew } from './key.ts'
import { mcpCommand } from './mcp.ts'
import { migrateNew, migrateStatus, migrateUp } from './migrate.ts'
import { packageVersion } from './package-version.ts'
import { globalOptions, parseCommand } from './parse-command.ts'
import { askOnTerminal } from './prompt.ts'
import { proveCommand } from './prove.ts'
import { reviewCommand } from './review.ts'
import { rulesCommand } from './rules.ts'
import { skillInstall, skillUninstall } from './skill.ts'
import { trace } from './trace.ts'
import { types } from './types.ts'

const commands: readonly Command[] = [
  migrateStatus,
  migrateUp,
  migrateNew,
  types,
  dev,
  explainCommand,
  trace,
  keyNew,
  proveCommand,
  rulesCommand,
  adviseCommand,
  reviewCommand,
  mcpCommand,
  skillInstall,
  skillUninstall,
]

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
    if (parsed === 'help') return show(terminal, helpText())
    if (parsed === 'version') return show(terminal, await versionText())
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
    ...(process.stdin.isTTY && process.stdout.isTTY ? { ask: askOnTerminal } : {}),
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

function helpText(): string {
  return [
    'Usage: holdfast <command> [options]',
    ...commands.flatMap(commandHelp),
    '',
    'Options of every command:',
    ...optionHelp(globalOptions),
    '',
    'DATABASE_URL names the database; DATABASE_DIRECT_URL where a pooler stands in front of it.',
  ].join('\n')
}

function commandHelp({ name, args = [], summary, options = {} }: Command): string[] {
  const words = [name, ...args.map(argHelp)].join(' ')
  return ['', `  holdfast ${words}`, `      ${summary}`, ...optionHelp(options)]
}

function argHelp(arg: string): string {
  return arg.endsWith('?') ? `[${arg.slice(0, -1)}]` : `<${arg}>`
}

function optionHelp(options: Readonly<Record<string, CommandOption>>): string[] {
  return Object.entries(options).map(([name, { type, summary }]) => {
    const value = type === 'string' ? ' <value>' : ''
    return `      ${`--${name}${value}`.padEnd(18)} ${summary}`
  })
}
