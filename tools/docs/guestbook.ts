/** The guestbook of the guide to a first app, as a project that a guide goes on from. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { type TestDatabase, testDatabase } from '../../src/testing/test-database.ts'
import { type Block, blocks } from './markdown.ts'
import { root } from './project-copy.ts'
import { pathOf, writeFiles } from './snippets.ts'

/** The package from its sources: that a build is the same is shown by exports.test.ts. */
const SOURCE = 'holdfast-source'

export function readGuide(name: string): readonly Block[] {
  return blocks(readFileSync(join(root, `docs/guides/${name}.md`), 'utf8'))
}

/** Of the project that a guide makes; a path of our own is an excerpt instead. */
export function filesOf(guide: readonly Block[]): readonly Block[] {
  return guide.filter((block) => !/^(?:example\/.*)?$/.test(pathOf(block) ?? ''))
}

export interface Guestbook {
  readonly folder: string
  readonly database: TestDatabase
  readonly env: NodeJS.ProcessEnv
  /** What the compiler complains about; empty where it is content. */
  compile(): string
  remove(): Promise<void>
}

/** An empty folder with the package in it and the files of the first app. */
export async function newGuestbook(): Promise<Guestbook> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-guide-'))
  install(folder)
  writeFiles(folder, filesOf(readGuide('first-app')))
  const database = await testDatabase()
  return {
    folder,
    database,
    env: envOf(database),
    compile: () => compile(folder),
    async remove() {
      await database.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What `npm install` would have made, without a registry. */
function install(folder: string): void {
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/holdfast'))
  symlinkSync('../holdfast/bin/holdfast.mjs', join(folder, 'node_modules/.bin/holdfast'))
  for (const name of ['zod', 'kysely']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
}

function envOf(database: TestDatabase): NodeJS.ProcessEnv {
  return {
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
}

function compile(folder: string): string {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const types = join(root, 'node_modules/@types')
  // Our sources stand in for the declarations that a reader compiles against.
  const ours = ['--customConditions', SOURCE, '--typeRoots', types, '--target', 'esnext']
  const args = [compiler, '-p', folder, ...ours]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return stdout + stderr
}

/** As a reader runs the tests of a guide: on a server of their own. */
export function runTests(book: Guestbook, ...files: readonly string[]) {
  const { HOLDFAST_TEST_SERVER } = process.env
  const { status, stdout } = spawnSync(process.execPath, ['--test', ...files], {
    cwd: book.folder,
    env: { ...book.env, HOLDFAST_TEST_SERVER, DATABASE_URL: undefined },
    encoding: 'utf8',
  })
  return { status, output: stdout }
}
