import { HoldfastError } from '../base/fault.ts'
import { migrationStatus } from '../database/migrate/migrate.ts'
import type { Command } from './command.ts'
import { withDatabaseUrl } from './database-url.ts'
import { pending, projectOf, sourcesOf } from './project.ts'
import { checkTypes, writeTypes } from './write-types.ts'

export const types: Command = {
  name: 'types',
  summary: 'Write the row types of the migrated database',
  example: 'holdfast types --check',
  exits: { 1: 'with --check: the file is not current' },
  options: { check: { type: 'boolean', summary: 'Fail if the file is not current' } },
  async run(call) {
    const { terminal } = call
    const project = await projectOf(call)
    if (project.typesFile === undefined) {
      const line = `types: './database.ts'`
      throw new HoldfastError('HF_PROJECT_INVALID', `The project names no file of types (${line}).`)
    }
    return withDatabaseUrl(terminal, async (url) => {
      const status = await migrationStatus({ url, sources: sourcesOf(project) })
      if (!status.current) throw pending(status)
      if (call.flag('check')) await checkTypes(terminal, project, url)
      else await writeTypes(terminal, project, url)
      return 0
    })
  },
}
