import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { isFault } from '../../base/fault.ts'
import { type MigrationSource, newMigration, parseMigration, readSources } from './source.ts'

async function folder(context: TestContext, files: Record<string, string>): Promise<URL> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-source-'))
  context.after(() => rm(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return pathToFileURL(`${path}/`)
}

function parsed(text: string) {
  return parseMigration('ordering', '0001_x', Buffer.from(text))
}

function refuses(run: () => unknown, part: RegExp): Promise<void> {
  return assert.rejects(
    async () => run(),
    (error) => isFault(error, 'HF_MIGRATION_INVALID') && part.test(error.message),
  )
}

test('files come source by source, by number, and others are left alone', async (context) => {
  const later: MigrationSource = {
    name: 'later',
    directory: await folder(context, { '0001_a.sql': 'SELECT 1' }),
  }
  const names = ['10000_e.sql', '0002_b.sql', '0010_c.sql', '0001_a.sql', 'README.md']
  const files = Object.fromEntries(names.map((name) => [name, 'SELECT 1']))
  const first: MigrationSource = { name: 'first', directory: await folder(context, files) }
  assert.deepEqual(
    (await readSources([first, later])).map(({ source, id }) => `${source}/${id}`),
    ['first/0001_a', 'first/0002_b', 'first/0010_c', 'first/10000_e', 'later/0001_a'],
  )
})

test('the checksum does not depend on line ends or a byte order mark', () => {
  const unix = parsed('SELECT 1;\nSELECT 2;\n')
  const windows = parsed('\uFEFFSELECT 1;\r\nSELECT 2;\r\n')
  assert.equal(windows.checksum, unix.checksum)
  assert.equal(windows.sql, unix.sql)
  assert.notEqual(parsed('SELECT 1;\n SELECT 2;\n').checksum, unix.checksum)
})

test('a directive stands in the comment lines before the first statement', () => {
  assert.equal(parsed('-- Why.\n--holdfast: no-transaction \n\nSELECT 1').transactional, false)
  assert.equal(parsed('-- holdfast: no-transaction\r\nSELECT 1').transactional, false)
  assert.equal(parsed('SELECT 1;\n-- holdfast: no-transaction\n').transactional, true)
})

test('what cannot be used is refused with what is wrong', async (context) => {
  await refuses(() => parsed('-- holdfast: no-transactions\nSELECT 1'), /no-transactions/)
  await refuses(() => parseMigration('a', '0001_x', Buffer.from([0x53, 0xff])), /UTF-8/)
  const at = async (files: Record<string, string>) => [
    { name: 'a', directory: await folder(context, files) },
  ]
  await refuses(
    async () => readSources(await at({ '0001_a.sql': '', '00001_b.sql': '' })),
    /00001_b\.sql and 0001_a\.sql have the same number/,
  )
  await refuses(async () => readSources(await at({ 'orders.sql': '' })), /orders\.sql/)
  const missing = { name: 'a', directory: new URL('file:///nowhere/') }
  await refuses(() => readSources([missing]), /\/nowhere\//)
  const [once] = await at({})
  await refuses(() => readSources([once, once] as MigrationSource[]), /Two migration sources/)
})

test('a new migration takes the next number', async (context) => {
  const directory = await folder(context, { '0001_a.sql': '', '0007_b.sql': '' })
  assert.equal(await newMigration(directory, 'Add größe & Total!'), '0008_add_gr_e_total.sql')
  assert.equal(await newMigration(new URL('new/', directory), 'first'), '0001_first.sql')
  const text = await readFile(new URL('0008_add_gr_e_total.sql', directory), 'utf8')
  assert.equal(text, '-- Add größe & Total!\n')
  await refuses(() => newMigration(directory, '!'), /letter or digit/)
})
