/** What `--help` says: of one command, or of all of them. */
import type { Command, CommandOption } from './command.ts'
import { commands } from './commands.ts'
import { globalOptions } from './parse-command.ts'

/** Of every command. */
export const exitCodes: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'it failed',
  2: 'the command line or the configuration is wrong, and nothing was done',
}

const ENVIRONMENT =
  'DATABASE_URL names the database; DATABASE_DIRECT_URL where a pooler stands in front of it.'

/** `chosen`: those that were named; none for the whole list. */
export function helpText(chosen: readonly Command[]): string {
  const [first] = chosen
  const usage = chosen.length === 1 && first ? usageOf(first) : 'holdfast <command> [options]'
  return [
    `Usage: ${usage}`,
    ...(chosen.length === 0 ? commands : chosen).flatMap(commandHelp),
    ...(chosen.length === 0 ? [] : chosen.flatMap(moreHelp)),
    '',
    'Options of every command:',
    ...optionHelp(globalOptions),
    '',
    ENVIRONMENT,
  ].join('\n')
}

/** `holdfast migrate new <module> <name...>` */
export function usageOf({ name, args = [] }: Command): string {
  return ['holdfast', name, ...args.map(argHelp)].join(' ')
}

/** What the codes of one command mean: its own meanings before the general ones. */
export function exitsOf({ exits = {} }: Command): readonly (readonly [string, string])[] {
  return Object.keys({ ...exitCodes, ...exits }).map((code) => {
    const meanings = [exits[Number(code)], exitCodes[Number(code)]].filter(Boolean)
    return [code, meanings.join('; or ')]
  })
}

function commandHelp(command: Command): string[] {
  const { summary, options = {} } = command
  return ['', `  ${usageOf(command)}`, `      ${summary}`, ...optionHelp(options)]
}

function moreHelp(command: Command): string[] {
  const exits = exitsOf(command).map(([code, meaning]) => `      ${code}  ${meaning}`)
  return ['', 'Exit codes:', ...exits, '', 'Example:', `      ${command.example}`]
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
