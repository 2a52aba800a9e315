import { parseArgs } from 'node:util'
import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import type { Command, CommandCall, CommandOption, Terminal } from './command.ts'

export const globalOptions: Readonly<Record<string, CommandOption>> = {
  config: { type: 'string', summary: 'The project file; holdfast.config.ts here by default' },
  help: { type: 'boolean', summary: 'Show the commands' },
  version: { type: 'boolean', summary: 'Show the version' },
}

export type Parsed = ParsedCommand | HelpAsked | { readonly kind: 'version' }

export interface HelpAsked {
  readonly kind: 'help'
  /** Those that the words before it name; none where they name nothing. */
  readonly commands: readonly Command[]
}

export interface ParsedCommand {
  readonly kind: 'command'
  readonly command: Command
  readonly call: CommandCall
}

/** What the words ask for, or HF_USAGE. */
export function parseCommand(
  argv: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Parsed {
  const { tokens } = parseArgs({
    args: [...argv],
    options: typesOf(commands),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const options = tokens.filter((token) => token.kind === 'option')
  const words = tokens.filter((token) => token.kind === 'positional').map(({ value }) => value)
  if (options.some(({ name }) => name === 'help' || name === 'h')) {
    return { kind: 'help', commands: commandsNamed(words, commands) }
  }
  if (options.some(({ name }) => name === 'version')) return { kind: 'version' }
  const command = findCommand(words, commands)
  const known = { ...globalOptions, ...command.options }
  const values = new Map(options.map((option) => [option.name, checkOption(option, known)]))
  const args = words.slice(command.name.split(' ').length)
  checkArgs(command, args)
  return { kind: 'command', command, call: toCall(terminal, args, values) }
}

/** One, or all of a group: `migrate`. */
function commandsNamed(words: readonly string[], commands: readonly Command[]): readonly Command[] {
  const one = commands.filter(({ name }) => `${words.join(' ')} `.startsWith(`${name} `))
  return one.length > 0 ? one : commands.filter(({ name }) => name.startsWith(`${words[0]} `))
}

function usage(message: string): HoldfastError {
  return new HoldfastError('HF_USAGE', message)
}

/** Whether an option takes a value must be known before the command is. */
function typesOf(commands: readonly Command[]): Record<string, { type: 'boolean' | 'string' }> {
  const all = [globalOptions, ...commands.map(({ options }) => options ?? {})]
  return Object.fromEntries(all.flatMap(Object.entries).map(([name, { type }]) => [name, { type }]))
}

function findCommand(words: readonly string[], commands: readonly Command[]): Command {
  const found = commands.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `))
  if (found !== undefined) return found
  const names = commands.map(({ name }) => name)
  if (words.length === 0) throw usage(`A command is missing: ${names.join(', ')}.`)
  const asked = words.slice(0, 2).join(' ')
  const group = names.filter((name) => name.startsWith(`${words[0]} `))
  const hint = didYouMean(asked, names) || didYouMean(words[0] ?? '', names)
  if (hint === '' && group.length > 0) throw usage(`"${asked}" is one of: ${group.join(', ')}.`)
  throw usage(`There is no command "${asked}"${hint || '.'}`)
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
}

function checkOption(
  { name, rawName, value }: OptionToken,
  known: Readonly<Record<string, CommandOption>>,
): string | true {
  const option = Object.hasOwn(known, name) ? known[name] : undefined
  if (option === undefined) {
    const hint = didYouMean(
      rawName,
      Object.keys(known).map((other) => `--${other}`),
    )
    throw usage(`The option ${rawName} is unknown${hint || '.'}`)
  }
  if (option.type === 'boolean' && value !== undefined) {
    throw usage(`The option ${rawName} takes no value.`)
  }
  if (option.type === 'string' && !value) throw usage(`The option ${rawName} needs a value.`)
  return value ?? true
}

function checkArgs(command: Command, args: readonly string[]): void {
  const names = command.args ?? []
  const missing = names[args.length]
  if (missing !== undefined && !missing.endsWith('?'))
    throw usage(`holdfast ${command.name}: <${missing}> is missing.`)
  const isOpen = /\.\.\.\??$/.test(names.at(-1) ?? '')
  if (!isOpen && args.length > names.length) {
    throw usage(`holdfast ${command.name}: "${args[names.length]}" is too much.`)
  }
}

function toCall(
  terminal: Terminal,
  args: readonly string[],
  values: ReadonlyMap<string, string | true>,
): CommandCall {
  return {
    terminal,
    args,
    flag: (name) => values.get(name) === true,
    text(name) {
      const value = values.get(name)
      return typeof value === 'string' ? value : undefined
    },
  }
}
