/** The guide to crashes, typed word for word: what is found, what helps, and what is shown. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { blocks } from './markdown.ts'
import { root } from './project-copy.ts'
import { type ProverFolder, proverFolder } from './prover-folder.ts'
import { shows } from './snippets.ts'

const guide = blocks(readFileSync(join(root, 'docs/guides/proving-crashes.md'), 'utf8'))
let folder: ProverFolder

/** The exit code where nothing was found, and not everything was tried. */
const UNDECIDED = 3

before(async () => {
  folder = await proverFolder(guide)
})
after(() => folder.close())

test('an app is broken and mended as the guide shows', async () => {
  const steps = guide.filter(({ section }) => section === 'An app of Holdfast')
  const [broken, mended] = steps.filter(({ language }) => language === 'sh')
  const twice = await folder.shell.type(broken?.text ?? '')
  assert.equal(twice.code, 1, twice.output + twice.errors)
  assert.match(twice.output, /VIOLATION {2}charged: done twice/)
  assert.match(twice.output, /outside has charge/)
  const once = await folder.shell.type(mended?.text ?? '')
  assert.equal(once.code, UNDECIDED, once.output + once.errors)
  assert.match(once.output, /The budget of 10000 ms is used up/)
})

test('a program is broken by a crash and mended as the guide shows', async () => {
  const steps = guide.filter(({ section }) => section === 'A crash in ten lines')
  const typed = steps.filter(({ language }) => language === 'sh')
  const shown = steps.filter(({ language }) => language === 'text')
  assert.equal(typed.length, shown.length)
  for (const [index, block] of typed.entries()) {
    const { code, output, errors } = await folder.shell.type(block.text)
    assert.equal(code, index === 0 ? 1 : 0, errors)
    const expected = shown[index]?.text ?? ''
    assert.ok(shows(expected, output), `line ${block.line}:\n${output}\nin place of\n${expected}`)
  }
})
