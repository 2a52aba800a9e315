/** The guide to proving, typed word for word: what is found, what helps, and what is shown. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { testServer } from '../../src/testing/test-database.ts'
import { blocks } from './markdown.ts'
import { root } from './project-copy.ts'
import { Shell } from './shell.ts'
import { pathOf, shows, writeFiles } from './snippets.ts'

const read = (path: string) => blocks(readFileSync(join(root, path), 'utf8'))
const guide = read('docs/guides/proving.md')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-proving-'))
let shell: Shell

/** What a reader has made, for the README: a function with the fault that it is about. */
const VOUCHERS = `
export async function redeem(db, code, customer) {
  const { rows } = await db.query('SELECT uses_left FROM vouchers WHERE code = $1', [code])
  if (rows[0].uses_left === 0) return false
  await db.query('UPDATE vouchers SET uses_left = uses_left - 1 WHERE code = $1', [code])
  await db.query('INSERT INTO redemptions VALUES ($1, $2)', [code, customer])
  return true
}`
const TABLES = `
CREATE TABLE vouchers (code text PRIMARY KEY, uses_left int NOT NULL);
CREATE TABLE redemptions (code text REFERENCES vouchers, customer text);`

before(async () => {
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  mkdirSync(join(folder, 'readme/migrations'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/holdfast'))
  symlinkSync('../holdfast/bin/holdfast.mjs', join(folder, 'node_modules/.bin/holdfast'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFiles(
    folder,
    guide.filter((block) => pathOf(block) !== undefined),
  )
  writeFileSync(join(folder, 'readme/vouchers.ts'), VOUCHERS)
  writeFileSync(join(folder, 'readme/migrations/0001.sql'), TABLES)
  const { adminUrl } = await testServer()
  shell = new Shell(folder, {
    ...process.env,
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    NODE_OPTIONS: '--conditions=holdfast-source',
    NODE_TEST_CONTEXT: undefined,
    DATABASE_URL: adminUrl,
    npm_config_offline: 'true',
    npm_config_loglevel: 'error',
  })
})
after(async () => {
  await shell.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a race is broken and mended as the guide shows', async () => {
  const steps = guide.filter(({ section }) => section === 'A race in ten lines')
  const typed = steps.filter(({ language }) => language === 'sh')
  const shown = steps.filter(({ language }) => language === 'text')
  assert.equal(typed.length, 2)
  for (const [index, block] of typed.entries()) {
    const { code, output, errors } = await shell.type(block.text)
    assert.equal(code, index === 0 ? 1 : 0, errors)
    const expected = shown[index]?.text ?? ''
    assert.ok(shows(expected, output), `line ${block.line}:\n${output}\nin place of\n${expected}`)
  }
})

test('what the guide says for CI runs', async () => {
  const [command] = guide.filter(
    ({ section, language }) => section === 'In CI' && language === 'sh',
  )
  const { code, output } = await shell.type(command?.text ?? '')
  assert.equal(code, 0, output)
  assert.match(readFileSync(join(folder, 'races.xml'), 'utf8'), /tests="1" failures="0"/)
})

test('the race of the README is lost', async () => {
  const [block] = read('README.md').filter(({ language }) => language === 'ts')
  assert.ok(block)
  writeFiles(join(folder, 'readme'), [block])
  writeFileSync(join(folder, 'readme/vouchers.ts'), VOUCHERS)
  const { code, output } = await shell.type('npx holdfast prove readme/races.ts')
  assert.equal(code, 1, output)
  assert.match(output, /"used once" does not hold/)
})
