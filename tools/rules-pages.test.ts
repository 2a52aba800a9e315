import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pagesThere, rulesPages } from './rules-pages.ts'

const root = join(import.meta.dirname, '..')
const pages = rulesPages()

test('each entry has its page, and each page its entry', () => {
  assert.deepEqual(pagesThere(), [...pages.keys()].sort())
})

test('the pages of the rulebook are current', () => {
  const stale = [...pages].filter(([path, page]) => readFileSync(join(root, path), 'utf8') !== page)
  assert.deepEqual(
    stale.map(([path]) => path),
    [],
    'Run: node tools/launch.mjs tools/rules-pages.ts',
  )
})
