/** A runner of its own process, to be killed. */
import { migrate } from '../../src/database/migrate/migrate.ts'
import { databaseSource } from '../../src/database/migrate/source.ts'

const [, , url = '', directory = ''] = process.argv
await migrate({
  url,
  sources: [databaseSource, { name: 'a', directory: new URL(directory) }],
  lockTimeoutMs: 60_000,
})
