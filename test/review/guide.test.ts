/** The guide to reviewing shows what comes out. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { main } from '../../src/cli/main.ts'
import { blocks } from '../../tools/docs/markdown.ts'
import { pathOf, writeFiles } from '../../tools/docs/snippets.ts'

test('the guide shows what comes out', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-guide-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const page = join(import.meta.dirname, '../../docs/guides/reviewing.md')
  const all = blocks(readFileSync(page, 'utf8'))
  const files = all.filter((block) => pathOf(block) !== undefined)
  assert.equal(files.length, 1)
  writeFiles(folder, files)
  writeFileSync(join(folder, 'package.json'), '{ "dependencies": { "express": "*", "pg": "*" } }')
  const out: string[] = []
  const terminal = { env: {}, cwd: folder, out: (line: string) => void out.push(line), err() {} }
  assert.equal(await main(['review'], terminal), 1)
  const shown = all.find(({ language }) => language === 'text')
  assert.equal(`${out.join('\n').trimEnd()}\n`, shown?.text)
  const settings = all.find(({ language }) => language === 'json')?.text ?? ''
  writeFileSync(join(folder, 'package.json'), settings)
  assert.equal(await main(['review'], terminal), 1)
})
