/**
 * docs/reference/cli.md, from the commands themselves:
 *
 *   node tools/launch.mjs tools/cli-page.ts
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, CommandOption } from '../src/cli/command.ts'
import { commands } from '../src/cli/commands.ts'
import { exitsOf, usageOf } from '../src/cli/help.ts'
import { globalOptions } from '../src/cli/parse-command.ts'

export const CLI_PAGE = 'docs/reference/cli.md'

export function cliPage(): string {
  return [
    '# The command `holdfast`',
    '',
    '`npx holdfast <command> --help` says the same of one command. Errors are told with their code',
    '([errors](../errors.md)) and with what to do next. `DATABASE_URL` names the database; without it,',
    'outside of production, the embedded server of the project is used. This page is made from the',
    'commands themselves; a test keeps it so.',
    '',
    ...commands.map(
      (command) => `- [\`${command.name}\`](#${anchorOf(command)}): ${command.summary}`,
    ),
    ...commands.flatMap(section),
    '',
    '## Options of every command',
    ...optionTable(globalOptions),
    '',
  ].join('\n')
}

function anchorOf({ name }: Command): string {
  return `holdfast-${name.replaceAll(' ', '-')}`
}

function section(command: Command): readonly string[] {
  return [
    '',
    `## holdfast ${command.name}`,
    '',
    `${command.summary}.`,
    '',
    '```sh',
    ...new Set([usageOf(command), command.example]),
    '```',
    ...optionTable(command.options ?? {}),
    '',
    '| exit code | meaning |',
    '| --- | --- |',
    ...exitsOf(command).map(([code, meaning]) => `| ${code} | ${meaning} |`),
  ]
}

function optionTable(options: Readonly<Record<string, CommandOption>>): readonly string[] {
  const rows = Object.entries(options).map(([name, { type, summary }]) => {
    const value = type === 'string' ? ' <value>' : ''
    return `| \`--${name}${value}\` | ${summary.replaceAll('|', '\\|')} |`
  })
  return rows.length === 0 ? [] : ['', '| option | meaning |', '| --- | --- |', ...rows]
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '..', CLI_PAGE), cliPage())
