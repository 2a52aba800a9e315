/** The guide to proving, typed word for word: what is found, what helps, and what is shown. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { blocks } from './markdown.ts'
import { root } from './project-copy.ts'
import { type ProverFolder, proverFolder } from './prover-folder.ts'
import { shows, writeFiles } from './snippets.ts'

const read = (path: string) => blocks(readFileSync(join(root, path), 'utf8'))
const guide = read('docs/guides/proving.md')
let folder: ProverFolder

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
  folder = await proverFolder(guide)
  mkdirSync(join(folder.path, 'readme/migrations'), { recursive: true })
  writeFileSync(join(folder.path, 'readme/vouchers.ts'), VOUCHERS)
  writeFileSync(join(folder.path, 'readme/migrations/0001.sql'), TABLES)
})
after(() => folder.close())

test('a race is broken and mended as the guide shows', async () => {
  const steps = guide.filter(({ section }) => section === 'A race in ten lines')
  const typed = steps.filter(({ language }) => language === 'sh')
  const shown = steps.filter(({ language }) => language === 'text')
  assert.equal(typed.length, 2)
  for (const [index, block] of typed.entries()) {
    const { code, output, errors } = await folder.shell.type(block.text)
    assert.equal(code, index === 0 ? 1 : 0, errors)
    const expected = shown[index]?.text ?? ''
    assert.ok(shows(expected, output), `line ${block.line}:\n${output}\nin place of\n${expected}`)
  }
})

test('a command of an app is broken and mended as the guide shows', async () => {
  const steps = guide.filter(({ section }) => section === 'Commands of a Holdfast app')
  const [broken, mended] = steps.filter(({ language }) => language === 'sh')
  const lost = await folder.shell.type(broken?.text ?? '')
  assert.equal(lost.code, 1, lost.output + lost.errors)
  assert.match(lost.output, /VIOLATION {2}lastPaper: lost update/)
  const held = await folder.shell.type(mended?.text ?? '')
  assert.equal(held.code, 0, held.output + held.errors)
  assert.match(held.output, /CERTIFIED {2}lastPaper/)
})

test('a job of an app races as the guide shows', async () => {
  const [command] = guide.filter(
    ({ section, language }) =>
      section === 'Jobs, events and webhooks of a Holdfast app' && language === 'sh',
  )
  const { code, output, errors } = await folder.shell.type(command?.text ?? '')
  assert.equal(code, 0, output + errors)
  assert.match(output, /CERTIFIED {2}restockedOnce/)
})

test('the pairs of an app are drawn and explored as the guide shows', async () => {
  const steps = guide.filter(
    ({ section }) => section === 'Every pair of an app, with nothing written',
  )
  const [typed] = steps.filter(({ language }) => language === 'sh')
  const [shown] = steps.filter(({ language }) => language === 'text')
  const { code, output, errors } = await folder.shell.type(typed?.text ?? '')
  assert.equal(code, 0, output + errors)
  assert.ok(shows(shown?.text ?? '', output), output)
})

test('what the guide says for CI runs', async () => {
  const [command] = guide.filter(
    ({ section, language }) => section === 'In CI' && language === 'sh',
  )
  const { code, output } = await folder.shell.type(command?.text ?? '')
  assert.equal(code, 0, output)
  assert.match(readFileSync(join(folder.path, 'races.xml'), 'utf8'), /tests="1" failures="0"/)
})

test('the race of the README is lost', async () => {
  const [block] = read('README.md').filter(({ language }) => language === 'ts')
  assert.ok(block)
  writeFiles(join(folder.path, 'readme'), [block])
  writeFileSync(join(folder.path, 'readme/vouchers.ts'), VOUCHERS)
  const { code, output } = await folder.shell.type('npx holdfast prove readme/races.ts')
  assert.equal(code, 1, output)
  assert.match(output, /"used once" does not hold/)
})
