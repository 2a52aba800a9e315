import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import type { TenantFinding } from '../database/migrate/check-tenant-tables.ts'
import { type MigrationReport, migrate, migrationStatus } from '../database/migrate/migrate.ts'
import type { MigrationEntry, MigrationStatus } from '../database/migrate/plan.ts'
import { type MigrationSource, newMigration } from '../database/migrate/source.ts'
import type { Command, Terminal } from './command.ts'
import { isProduction, withDatabaseUrl } from './database-url.ts'
import { pending, projectOf, shortPath, sourcesOf } from './project.ts'
import { writeTypes } from './write-types.ts'

export const migrateStatus: Command = {
  name: 'migrate status',
  summary: 'Show which migrations are applied',
  example: 'holdfast migrate status --check',
  exits: { 1: 'with --check: something is not applied' },
  options: { check: { type: 'boolean', summary: 'Fail unless all are applied' } },
  async run(call) {
    const sources = sourcesOf(await projectOf(call))
    const status = await withDatabaseUrl(call.terminal, (url) => migrationStatus({ url, sources }))
    for (const line of statusLines(status.entries)) call.terminal.out(line)
    call.terminal.out(summaryOf(status))
    if (call.flag('check') && !status.current) throw pending(status)
    return 0
  },
}

export const migrateUp: Command = {
  name: 'migrate up',
  summary: 'Apply what is not applied yet, and write the row types',
  example: 'holdfast migrate up',
  exits: { 1: 'a file failed, or a table would leak between tenants' },
  options: {
    'out-of-order': {
      type: 'boolean',
      summary: 'Also apply files that sort before an applied one',
    },
  },
  async run(call) {
    const project = await projectOf(call)
    return withDatabaseUrl(call.terminal, async (url) => {
      const report = await migrate({
        url,
        sources: sourcesOf(project),
        log: progressOn(call.terminal),
        outOfOrder: call.flag('out-of-order') ? 'apply' : 'refuse',
      })
      printReport(call.terminal, report)
      // A production image is not the place where sources are written.
      if (!isProduction(call.terminal.env)) await writeTypes(call.terminal, project, url)
      return report.findings.some(({ severity }) => severity === 'error') ? 1 : 0
    })
  },
}

export const migrateNew: Command = {
  name: 'migrate new',
  summary: 'Write an empty migration with the next number',
  example: 'holdfast migrate new ordering add country',
  args: ['module', 'name...'],
  async run(call) {
    const [module = '', ...words] = call.args
    const { sources } = await projectOf(call)
    const source = sources.find(({ name }) => name === module) ?? unknownModule(module, sources)
    const file = await newMigration(source.directory, words.join(' '))
    call.terminal.out(shortPath(call.terminal, new URL(file, source.directory)))
    return 0
  },
}

function unknownModule(module: string, sources: readonly MigrationSource[]): never {
  const names = sources.map(({ name }) => name)
  const hint = didYouMean(module, names) || `; the modules are: ${names.join(', ')}.`
  throw new HoldfastError('HF_USAGE', `There is no module "${module}"${hint}`)
}

function statusLines(entries: readonly MigrationEntry[]): string[] {
  const sourceWidth = Math.max(0, ...entries.map(({ source }) => source.length))
  const idWidth = Math.max(0, ...entries.map(({ id }) => id.length))
  return entries.map(({ source, id, state, appliedAt, detail }) =>
    [source.padEnd(sourceWidth), id.padEnd(idWidth), state.padEnd(7), appliedAt, detail]
      .filter(Boolean)
      .join('  ')
      .trimEnd(),
  )
}

function summaryOf({ entries }: MigrationStatus): string {
  const counts = Map.groupBy(entries, ({ state }) => state)
  const parts = [...counts].map(([state, group]) => `${group.length} ${state}`)
  return `${parts.join(', ') || 'no migrations'}.`
}

function printReport({ out, err }: Terminal, report: MigrationReport): void {
  out(`Before: ${summaryOf(report.before)}`)
  for (const name of report.applied) out(`  applied ${name}`)
  out(`After: ${summaryOf(report.after)}`)
  for (const { source, id, state, detail } of report.after.entries) {
    if (state === 'missing') err(`Note: ${source}/${id}: ${detail}.`)
  }
  for (const note of report.notes) err(`Note: ${note}`)
  for (const finding of report.findings) err(findingText(finding))
}

function findingText({ severity, message, sql }: TenantFinding): string {
  const label = severity === 'error' ? 'Error' : 'Warning'
  return `${label}: ${message}\n${sql.replaceAll(/^/gm, '    ')}`
}

function progressOn({ err }: Terminal) {
  const line = (fields: object, message: string) => {
    const facts = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
    err(facts.length === 0 ? message : `${message} (${facts.join(', ')})`)
  }
  return { info: line, warn: line }
}
