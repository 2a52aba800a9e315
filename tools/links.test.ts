/** Every link of every document leads somewhere; where its text names code, that code is there. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { anchors, links, named } from './docs/markdown.ts'
import { root } from './docs/project-copy.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const documents = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: root }).sort()

function isBroken(document: string, link: string): boolean {
  if (/^https?:/.test(link)) return false
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? document : join(dirname(document), path)
  if (!existsSync(join(root, target))) return true
  return anchor !== undefined && !anchors(read(target)).has(anchor)
}

for (const document of documents) {
  test(`the links of ${document} lead somewhere`, () => {
    assert.deepEqual(
      links(read(document)).filter((link) => isBroken(document, link)),
      [],
    )
  })

  test(`what ${document} names is in the file it links to`, () => {
    const missing = named(read(document)).filter(({ name, target }) => {
      const text = read(join(dirname(document), target))
      const declared = new RegExp(
        `(?:\\b(?:function|class|const|interface|type) ${name}\\b)|^  (?:async )?${name}[(<]`,
        'm',
      )
      return !declared.test(text)
    })
    assert.deepEqual(missing, [])
  })
}

test('the index of the documentation leads to every page but the rules', () => {
  const index = new Set(links(read('docs/README.md')).map((link) => join('docs', link)))
  const pages = documents.filter((path) => /^docs\/(?!rules\/|README)/.test(path))
  assert.deepEqual(
    pages.filter((path) => !index.has(path)),
    [],
  )
})

describe('the architecture', () => {
  const page = read('docs/ARCHITECTURE.md')
  const section = (title: string) =>
    page.split(/^## /m).find((text) => text.startsWith(title)) ?? assert.fail(title)
  const firstCells = (title: string) =>
    [...section(title).matchAll(/^\| (.*?) \|/gm)]
      .slice(2)
      .flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))

  test('lists the tables that the migrations make', () => {
    const made = globSync(['src/**/*.sql', 'src/database/migrate/store.ts'], { cwd: root }).flatMap(
      (path) =>
        [
          ...read(path).matchAll(/CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?holdfast\.(\w+)/g),
        ].map(([, name = '']) => name),
    )
    assert.deepEqual(firstCells('Tables').sort(), made.sort())
  })

  test('gives a reason for every dependency', () => {
    const { dependencies, optionalDependencies, devDependencies } = JSON.parse(read('package.json'))
    const all = Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })
    const told = firstCells('Dependencies').map(
      (name) => new RegExp(`^${name.replaceAll('*', '.*')}$`),
    )
    const covers = (pattern: RegExp) => all.some((name) => pattern.test(name))
    assert.deepEqual(
      all.filter((name) => !told.some((pattern) => pattern.test(name))),
      [],
    )
    assert.deepEqual(
      told.filter((pattern) => !covers(pattern)),
      [],
    )
  })

  test('numbers the life of a command as explain does', () => {
    const steps = [...section('The life').matchAll(/^(\d+)\. \*\*/gm)].map(([, number]) => number)
    assert.deepEqual(
      steps,
      Array.from({ length: 12 }, (_, index) => String(index + 1)),
    )
  })

  test('names the folders of src', () => {
    const folders = globSync('src/*/', { cwd: root }).map((path) => path.replace(/^src\//, ''))
    const rings = [...section('Rings').matchAll(/\]\(\.\.\/src\/(\w+)\)/g)].map(([, name]) => name)
    assert.deepEqual(rings.sort(), folders.sort())
  })
})
