/**
 * Guides that go on from the guestbook, all in one project: their files compile, their tests pass,
 * and their commands print what is shown.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { filesOf, type Guestbook, newGuestbook, readGuide, runTests } from './guestbook.ts'
import { Shell } from './shell.ts'
import { pathOf, shows, writeFiles } from './snippets.ts'

const GUIDES = ['queries-and-pages', 'events-and-jobs', 'errors', 'tenants']
const missing = ['bash', 'npx'].filter((name) => spawnSync(name, ['--version']).error)
/** Seconds of work; a machine under load gets many of them. */
const TIMEOUT_MS = 290_000

describe('the guides that go on from the guestbook', {
  skip: missing.length > 0 && `no ${missing}`,
  timeout: TIMEOUT_MS,
}, () => {
  const files = GUIDES.flatMap((name) => filesOf(readGuide(name)))
  const paths = files.map((file) => pathOf(file) as string)
  let book: Guestbook
  let shell: Shell

  before(async () => {
    book = await newGuestbook()
    writeFiles(book.folder, files)
    shell = new Shell(book.folder, book.env)
    const { code, errors } = await shell.type('npx holdfast migrate up')
    assert.equal(code, 0, errors)
  })
  after(async () => {
    await shell.close()
    await book.remove()
  })

  test('compile together', () => {
    assert.equal(new Set(paths).size, paths.length, 'two guides write the same file')
    assert.equal(book.compile(), '')
  })

  test('pass their tests', () => {
    const tests = paths.filter((path) => path.endsWith('.test.ts'))
    const { status, output } = runTests(book, ...tests)
    assert.equal(status, 0, output)
    assert.doesNotMatch(output, /pass 0/)
  })

  for (const name of GUIDES) {
    test(`${name} shows what its commands print`, async () => {
      const guide = readGuide(name)
      for (const [index, block] of guide.entries()) {
        if (block.language !== 'sh') continue
        const { code, output, errors } = await shell.type(block.text)
        assert.equal(code, 0, `line ${block.line}: ${output}${errors}`)
        const next = guide[index + 1]
        if (next?.language !== 'text') continue
        const told = `line ${block.line}:\n${output}\nin place of\n${next.text}`
        assert.ok(shows(next.text, output), told)
      }
    })
  }
})
