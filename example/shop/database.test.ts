import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { migrationSources } from '../../src/app/sources.ts'
import { generateTypes } from '../../src/database/migrate/generate-types.ts'
import { migrate } from '../../src/database/migrate/migrate.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import { testDatabase } from '../../src/testing/test-database.ts'
import { app } from './app.ts'
import { config } from './holdfast.config.ts'

test('every table has its wall, and the row types are those of the migrated database', async () => {
  await using database = await testDatabase()
  const registry = buildRegistry(app)
  const report = await migrate({ url: database.url, sources: migrationSources(registry) })
  assert.deepEqual(report.findings, [])
  const written = await readFile(new URL('./database.ts', import.meta.url), 'utf8')
  assert.equal(written, await generateTypes({ url: database.url }))
})

test('the command line migrates the same modules in the same order', () => {
  const modules = [...buildRegistry(app).modules.values()].filter(({ migrations }) => migrations)
  assert.deepEqual(
    config.migrations.map(({ name }) => name),
    modules.map(({ name }) => name),
  )
})
