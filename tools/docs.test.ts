/**
 * The guides do what they say: their files are written, compiled and run, their commands are typed,
 * and what they show is what comes out. Excerpts of the shop stand in the shop, letter by letter.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
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
import { type TestDatabase, testDatabase } from '../src/testing/test-database.ts'
import { type Block, blocks } from './docs/markdown.ts'
import { root } from './docs/project-copy.ts'
import { Shell } from './docs/shell.ts'
import { excerptOf, pathOf, shows, writeFiles } from './docs/snippets.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const guide = (name: string) => blocks(read(`docs/guides/${name}.md`))
const firstApp = guide('first-app')
const migrations = guide('migrations')

/** What `npm install` would have made, without a registry. */
function install(folder: string): void {
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/holdfast'))
  symlinkSync('../holdfast/bin/holdfast.mjs', join(folder, 'node_modules/.bin/holdfast'))
  for (const name of ['zod', 'kysely']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const options = {
    customConditions: [SOURCE],
    skipLibCheck: true,
    typeRoots: [join(root, 'node_modules/@types')],
  }
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: options,
    include: ['**/*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
}

/** The package from its sources: that a build is the same is shown by exports.test.ts. */
const SOURCE = 'holdfast-source'

const missing = ['bash', 'curl', 'npx'].filter((name) => spawnSync(name, ['--version']).error)

describe('the first app', { skip: missing.length > 0 && `no ${missing}`, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-guide-'))
  let database: TestDatabase
  let shell: Shell
  let app: ChildProcess | undefined
  let env: NodeJS.ProcessEnv = {}

  before(async () => {
    install(folder)
    writeFiles(
      folder,
      firstApp.filter((block) => pathOf(block) !== undefined),
    )
    database = await testDatabase()
    env = {
      ...process.env,
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      NODE_OPTIONS: `--conditions=${SOURCE}`,
      NODE_TEST_CONTEXT: undefined,
      HOLDFAST_TEST_SERVER: undefined,
      DATABASE_URL: database.url,
      DATABASE_DIRECT_URL: undefined,
      PORT: '0',
      ADMIN_PORT: '0',
      npm_config_offline: 'true',
      npm_config_loglevel: 'error',
    }
    shell = new Shell(folder, env)
  })

  after(async () => {
    app?.kill('SIGTERM')
    if (app !== undefined && app.exitCode === null) await once(app, 'exit')
    await shell.close()
    await database.drop()
    rmSync(folder, { recursive: true, force: true })
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
    writeFiles(
      folder,
      guide('testing').filter((block) => pathOf(block) !== undefined),
    )
    const deployed = guide('deployment').find((block) => pathOf(block) === 'main.ts')
    writeFileSync(join(folder, 'deployed.ts'), excerptOf(deployed as Block))
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder])
    assert.equal(status, 0, String(stdout))
  })

  test('passes the tests of the guide to testing', () => {
    const { HOLDFAST_TEST_SERVER } = process.env
    const { status, stdout } = spawnSync(process.execPath, ['--test', 'guestbook.test.ts'], {
      cwd: folder,
      env: { ...env, HOLDFAST_TEST_SERVER, DATABASE_URL: undefined },
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout)
    assert.match(stdout, /pass 4/)
  })

  test('starts, and signs once', async () => {
    app = spawn(process.execPath, ['main.ts'], {
      cwd: folder,
      env,
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

  test('counts and thanks once, and explains itself', async (t) => {
    const [, look, explain] = commands('Run it')
    const shown = firstApp.find(({ language }) => language === 'json')
    await t.waitFor(async () => assert.equal(`${await typed(look as Block)}\n`, shown?.text))
    assert.match(
      await typed(explain as Block),
      /^guestbook\.sign {2}command {2}POST \/v1\/entries\n/,
    )
  })

  test('is migrated further, and shows what the guide shows', async () => {
    for (const [index, block] of migrations.entries()) {
      if (pathOf(block) !== undefined) writeFiles(folder, [block])
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
    const named = read('docs/guides/telemetry.md').matchAll(/\b(?:http|holdfast|db)_[a-z_]+[a-z]/g)
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

describe('guides that show the shop', () => {
  for (const name of ['calling-out', 'commands', 'importing']) {
    test(`${name} quotes what stands in it`, () => {
      const excerpts = guide(name).filter(({ language }) => language === 'ts')
      assert.ok(excerpts.length > 2)
      for (const block of excerpts) {
        const path = pathOf(block)
        assert.ok(path, `line ${block.line}: say of which file`)
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
