/**
 * The guides do what they say: their files are written, compiled and run, their commands are typed,
 * and what they show is what comes out. Excerpts of the shop stand in the shop, letter by letter.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  conflict,
  forbidden,
  gone,
  invalid,
  notFound,
  preconditionFailed,
  unavailable,
} from '../src/index.ts'
import { filesOf, type Guestbook, newGuestbook, readGuide, runTests } from './docs/guestbook.ts'
import type { Block } from './docs/markdown.ts'
import { root } from './docs/project-copy.ts'
import { Shell } from './docs/shell.ts'
import { excerptOf, pathOf, shows, writeFiles } from './docs/snippets.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const guide = readGuide
const firstApp = guide('first-app')
const migrations = guide('migrations')

/** Seconds of work; a machine under load gets many of them. */
const TIMEOUT_MS = 290_000
const missing = ['bash', 'curl', 'npx'].filter((name) => spawnSync(name, ['--version']).error)

describe('the first app', {
  skip: missing.length > 0 && `no ${missing}`,
  timeout: TIMEOUT_MS,
}, () => {
  let book: Guestbook
  let shell: Shell
  let app: ChildProcess | undefined

  before(async () => {
    book = await newGuestbook()
    shell = new Shell(book.folder, book.env)
  })

  after(async () => {
    app?.kill('SIGTERM')
    if (app !== undefined && app.exitCode === null) await once(app, 'exit')
    await shell.close()
    await book.remove()
  })

  async function typed(block: Block): Promise<string> {
    const { code, output, errors } = await shell.type(block.text)
    assert.equal(code, 0, `line ${block.line}: ${output}${errors}`)
    return output
  }

  function commands(section: string): readonly Block[] {
    return firstApp.filter((block) => block.section === section && block.language === 'sh')
  }

  test('is migrated, and compiles, with its tests and as it is deployed', async () => {
    for (const block of commands('The tables')) await typed(block)
    writeFiles(book.folder, filesOf(guide('testing')))
    const deployed = guide('deployment').find((block) => pathOf(block) === 'main.ts')
    writeFileSync(join(book.folder, 'deployed.ts'), excerptOf(deployed as Block))
    assert.equal(book.compile(), '')
  })

  test('passes the tests of the guide to testing', () => {
    const { status, output } = runTests(book, 'guestbook.test.ts')
    assert.equal(status, 0, output)
    assert.match(output, /pass 4/)
  })

  test('starts, and signs once', async () => {
    app = spawn(process.execPath, ['main.ts'], {
      cwd: book.folder,
      env: book.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [started] = await once(app.stdout as NodeJS.ReadableStream, 'data')
    const port = /127\.0\.0\.1:(\d+), admin/.exec(String(started))?.[1]
    await shell.type(`PORT=${port}`)
    const [sign] = commands('Run it')
    const output = await typed(sign as Block)
    const replies = output.split('\n').filter((line) => line.startsWith('{'))
    assert.equal(replies.length, 2)
    assert.equal(replies[0], replies[1])
  })

  test('counts and thanks once, and explains itself', async () => {
    const [, look, explain] = commands('Run it')
    const shown = firstApp.find(({ language }) => language === 'json')
    // A moment is as long as the machine needs: only the time of the whole suite bounds it.
    while (`${await typed(look as Block)}\n` !== shown?.text);
    assert.match(
      await typed(explain as Block),
      /^guestbook\.sign {2}command {2}POST \/v1\/entries\n/,
    )
  })

  test('is migrated further, and shows what the guide shows', async () => {
    for (const [index, block] of migrations.entries()) {
      if (pathOf(block) !== undefined) writeFiles(book.folder, [block])
      if (block.language !== 'sh') continue
      const { output, errors } = await shell.type(block.text)
      const next = migrations[index + 1]
      if (next?.language !== 'text') continue
      const isShown = shows(next.text, output) || shows(next.text, errors)
      assert.ok(isShown, `line ${block.line}:\n${output}${errors}\nin place of\n${next.text}`)
    }
  })
})

describe('the guides to what is seen and how it is run', () => {
  test('name metrics that there are', () => {
    const sources = globSync('src/**/*.ts', { cwd: root })
      .filter((path) => !path.includes('.test.'))
      .map(read)
      .join('\n')
    const text = read('docs/guides/telemetry.md') + read('docs/guides/events-and-jobs.md')
    const named = text.matchAll(/\b(?:http|holdfast|db)_[a-z_]+[a-z]/g)
    const missing = [...new Set([...named].map(([name]) => name))]
      .map((name) => name.replace(/_(?:count|bucket)$/, ''))
      .filter(
        (name) =>
          !sources.includes(name) &&
          !/^(?:holdfast_(?:http|database|jobs)|db_client_connection)$/.test(name),
      )
    assert.deepEqual(missing, [])
  })

  test('name settings that there are', () => {
    const known = read('docs/reference/configuration.md')
    const text = read('docs/guides/deployment.md') + read('docs/guides/telemetry.md')
    const settings = text.matchAll(
      /\b(?:HOLDFAST|DATABASE|SIGNING|SHUTDOWN|ADMIN|OTEL|LOG)_[A-Z_]+[A-Z]/g,
    )
    for (const [name] of settings) assert.ok(known.includes(`## ${name}\n`), name)
  })
})

const kinds = { invalid, forbidden, notFound, conflict, gone, preconditionFailed, unavailable }

/** Of this repository, and not of the project that a guide makes. */
function isOurs(path: string): boolean {
  return path.startsWith('example/') || (path.startsWith('src/') && existsSync(join(root, path)))
}

describe('guides that show the shop', () => {
  const names = globSync('*.md', { cwd: join(root, 'docs/guides') }).map((file) => parse(file).name)
  for (const name of names) {
    const shown = guide(name).filter((block) => isOurs(pathOf(block) ?? 'of a reader'))
    if (shown.length === 0) continue
    test(`${name} quotes what stands in it`, () => {
      const nameless = guide(name).find((block) => block.language === 'ts' && !pathOf(block))
      assert.equal(nameless, undefined, `line ${nameless?.line}: say of which file`)
      for (const block of shown) {
        const path = pathOf(block) as string
        assert.ok(read(path).includes(excerptOf(block)), `line ${block.line}: not in ${path}`)
      }
    })
  }
})

describe('the guide to commands', () => {
  const guideText = read('docs/guides/commands.md')

  test('tells the status of each kind of problem, and whether it is kept', () => {
    const rows = guideText.matchAll(/^\| `(\w+)` \| (\d+) \| (yes|no) \|$/gm)
    const told = [...rows].map(([, kind, status, kept]) => [kind, Number(status), kept === 'yes'])
    const real = Object.values(kinds).map((define) => {
      const { kind, status, stored } = define('x')
      return [kind, status, stored]
    })
    assert.deepEqual(told, real)
  })
})
