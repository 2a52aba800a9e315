/**
 * The command `holdfast`.
 *
 * Exit codes: 0 done, 1 it failed, 2 the command line or the configuration is wrong. Errors are told
 * with their code and what to do next, without a stack.
 */
import { readFile } from 'node:fs/promises'
import { type FaultCode, HoldfastError } from '../base/fault.ts'
import type { Command, CommandOption, Terminal } from './command.ts'
import { explainCommand } from './explain.ts'
import { keyNew } from './key.ts'
import { migrateNew, migrateStatus, migrateUp } from './migrate.ts'
import { globalOptions, parseCommand } from './parse-command.ts'
import { types } from './types.ts'

const commands: readonly Command[] = [
  migrateStatus,
  migrateUp,
  migrateNew,
  types,
  explainCommand,
  keyNew,
]

const MISUSE: readonly FaultCode[] = [
  'HF_USAGE',
  'HF_PROJECT_INVALID',
  'HF_CONFIG_INVALID',
  'HF_OPTION_INVALID',
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
  return {
    env: process.env,
    cwd: process.cwd(),
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
  }
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
  // The same place from src/cli and from dist/cli.
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return `holdfast ${JSON.parse(text).version}, Node ${process.version}`
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
