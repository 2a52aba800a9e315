import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type FaultEntry, faultCatalogue } from '../src/base/fault.ts'
import { sqlstate } from '../src/database/sqlstate.ts'
import { pages, raised } from './errors-page.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

for (const [path, page] of Object.entries(pages)) {
  test(`${path} is current`, () => {
    assert.equal(read(path), page(), 'Run: node tools/launch.mjs tools/errors-page.ts')
  })
}

const code = globSync(['src/**/*.ts', 'example/**/*.ts', 'bin/*.mjs'], { cwd: root }).filter(
  (path) => !path.endsWith('.test.ts'),
)
const thrower = code.filter((path) => path.startsWith('src/') && path !== 'src/base/fault.ts')

test('every code that is thrown or spoken of stands in the catalogue', () => {
  const texts = [...code, ...globSync(['*.md', 'docs/**/*.md'], { cwd: root })]
  const unknown = texts.flatMap((path) =>
    [...read(path).matchAll(/\bHF_[A-Z][A-Z_]*[A-Z]\b/g)]
      .filter(([name]) => !Object.hasOwn(faultCatalogue, name))
      .map(([name]) => `${path}: ${name}`),
  )
  assert.deepEqual(unknown, [])
})

/** Where a code is asked for or listed, and not thrown. */
const ASKED = [
  /[=!]== '\w+'/g,
  /isFault\([^()]+, '\w+'\)/g,
  /: readonly FaultCode\[\] = \[[^\]]*\]/g,
  /^ *(?:\*|\/\/).*$/gm,
]

test('every code of the catalogue is thrown somewhere', () => {
  const thrown = new Set(
    thrower.flatMap((path) => {
      const text = ASKED.reduce((left, pattern) => left.replaceAll(pattern, ''), read(path))
      return [...text.matchAll(/'(HF_\w+)'/g)].map(([, name]) => name)
    }),
  )
  const idle = Object.keys(faultCatalogue).filter((name) => !thrown.has(name))
  assert.deepEqual(idle, [])
})

test('every entry is a sentence about what is wrong, and one about what to do', () => {
  for (const [name, { title, next }] of Object.entries<FaultEntry>(faultCatalogue)) {
    assert.match(title, /^[A-Z].*\.$/, name)
    assert.match(next, /^[A-Z].*[.)]$/, name)
  }
})

test('every SQLSTATE of ours is told', () => {
  const ours = Object.entries(sqlstate).filter(([, state]) => state.startsWith('HF'))
  assert.deepEqual(
    ours.map(([name]) => name),
    Object.keys(raised),
  )
})
