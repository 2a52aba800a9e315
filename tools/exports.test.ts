/**
 * The doors of the package: each opens from the sources and, built and installed as it would be
 * published, from `dist`; both give the same names; and none loads what its user did not ask for.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
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
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { testDatabase } from '../src/testing/test-database.ts'
import { TenLines } from './docs/ten-lines.ts'

const root = join(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const SOURCE = 'holdfast-source'
const noShell = ['bash', 'curl', 'npx'].filter((name) => spawnSync(name, ['--version']).error)

interface Door {
  readonly [SOURCE]: string
  readonly types: string
  readonly default: string
}

const doors = Object.entries(manifest.exports as Record<string, Door | string>).filter(
  (entry): entry is [string, Door] => typeof entry[1] === 'object',
)

/** Packages that importing a door may load, of those whose weight anybody would notice. */
const MAY_LOAD: Readonly<Record<string, readonly string[]>> = {
  '.': ['zod'],
  './config': ['zod'],
  './database': ['pg'],
  './embedded': ['pg'],
  './http': ['fastify', 'zod'],
  './outbound': ['cockatiel'],
  './prove': ['pg'],
  './testing': ['pg'],
}

interface Opened {
  readonly names: readonly string[]
  readonly packages: readonly string[]
}

const OPEN = `
import { registerHooks } from 'node:module'
const packages = new Set()
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const found = /node_modules\\/((?:@[^/]+\\/)?[^/]+)(?!.*node_modules\\/)/.exec(resolved.url)?.[1]
    const bare = !/^(?:[./]|file:|node:)/.test(specifier)
    if (bare && found !== undefined && context.parentURL?.match(/\\/(?:src|dist)\\//)) packages.add(found)
    return resolved
  },
})
const names = Object.keys(await import(process.argv[1])).sort()
process.stdout.write(JSON.stringify({ names, packages: [...packages].sort() }))
`

function open(folder: string, door: string, ...flags: string[]): Opened {
  const name = join(manifest.name, door)
  const args = [...flags, '--input-type=module', '--eval', OPEN, name]
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

function run(folder: string, script: string, ...args: string[]) {
  const done = spawnSync(process.execPath, [script, ...args], { cwd: folder, encoding: 'utf8' })
  return { status: done.status, output: done.stdout + done.stderr }
}

interface Packed {
  readonly filename: string
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

/** What `npm publish` would send, built by its own script. */
function pack(folder: string): Packed {
  const args = ['pack', '--json', '--pack-destination', folder]
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  return packed
}

/** A project with the packed package installed, and what it depends on, alone. */
function install(folder: string): Packed {
  const installed = join(folder, 'node_modules', manifest.name)
  mkdirSync(installed, { recursive: true })
  const packed = pack(folder)
  const tar = ['-xzf', join(folder, packed.filename), '-C', installed, '--strip-components=1']
  assert.equal(spawnSync('tar', tar).status, 0)
  for (const name of publishedDependencies()) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link)
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return packed
}

/** As the lockfile knows them: what `npm ci --omit=dev --omit=optional` would install. */
function publishedDependencies(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return Object.entries(
    packages as Record<string, { dev?: true; optional?: true; devOptional?: true }>,
  )
    .filter(
      ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
    )
    .map(([path]) => path)
    .filter((path) => path.lastIndexOf('node_modules/') === 0)
    .map((path) => path.slice('node_modules/'.length))
}

test('each door is a file of src, its declarations and its code have its name', () => {
  assert.ok(doors.length >= 5)
  for (const [door, paths] of doors) {
    const name = door === '.' ? 'index' : door.slice(2)
    assert.deepEqual(paths, {
      [SOURCE]: `./src/${name}.ts`,
      types: `./dist/${name}.d.ts`,
      default: `./dist/${name}.js`,
    })
  }
  const files = globSync('*.ts', { cwd: join(root, 'src') }).map((file) => `./src/${file}`)
  assert.deepEqual(files.sort(), doors.map(([, paths]) => paths[SOURCE]).sort())
})

test('no door loads more than it says', () => {
  for (const [door] of doors) {
    const { packages } = open(root, door, `--conditions=${SOURCE}`)
    const allowed = MAY_LOAD[door]
    assert.ok(allowed, `Say in MAY_LOAD what ${door} may load.`)
    assert.deepEqual(
      packages.filter((name) => !allowed.includes(name)),
      [],
      door,
    )
  }
})

describe('built and installed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-consumer-'))
  let packed: Packed
  before(() => {
    packed = install(folder)
  })
  after(() => rmSync(folder, { recursive: true }))

  test('each door opens, with the names of its source, and loads no more', () => {
    for (const [door] of doors) {
      assert.deepEqual(open(folder, door), open(root, door, `--conditions=${SOURCE}`), door)
    }
  })

  test('holds what is needed to use it, and no test', () => {
    const paths = packed.files.map(({ path }) => path)
    for (const path of ['LICENSE', 'README.md', 'package.json', manifest.bin.holdfast]) {
      assert.ok(paths.includes(path), path)
    }
    assert.deepEqual(
      paths.filter((path) => /\.test\.|^(?:test|bench|tools|example|docs)\//.test(path)),
      [],
    )
    assert.ok(packed.unpackedSize < UNPACKED_BYTES_MAX, `${packed.unpackedSize} bytes`)
  })

  test('ten lines are an API on a database; it loads nothing that it does not use', async () => {
    writeFileSync(join(folder, 'ten-lines.mjs'), TEN_LINES)
    await using database = await testDatabase()
    const output = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', LOADED, './ten-lines.mjs'],
      {
        cwd: folder,
        encoding: 'utf8',
        env: {
          PATH: process.env.PATH,
          HOLDFAST_ENV: 'production',
          DATABASE_URL: database.url,
          SIGNING_SECRET: 'x'.repeat(32),
          PORT: '0',
          ADMIN_PORT: '0',
          LOG_LEVEL: 'error',
        },
      },
    )
    assert.equal(output.status, 0, output.stderr)
    const { packages, reply } = JSON.parse(output.stdout.split('\n').at(-1) as string)
    assert.deepEqual(reply, { hello: 'Ada' })
    assert.deepEqual(packages, ['fastify', 'pg', 'pino', 'zod'])
  })

  test('the app of the README compiles, runs by holdfast dev, and draws one ticket twice', {
    skip: noShell.length > 0 && `no ${noShell}`,
  }, async (t) => {
    const app = new TenLines(folder)
    t.after(() => app.end())
    assert.equal(app.compile(), '')
    const { code, output, errors } = await app.run()
    assert.equal(code, 0, errors)
    const [first = '', again, ...rest] = output.split('\n')
    assert.equal(JSON.parse(first).guest, 'Ada')
    assert.deepEqual([again, ...rest], [first, ''])
  })

  test('what is no door stays closed', () => {
    const { status, output } = run(
      folder,
      '--eval',
      `import('${manifest.name}/dist/base/fault.js')`,
    )
    assert.equal(status, 1)
    assert.match(output, /ERR_PACKAGE_PATH_NOT_EXPORTED/)
  })

  test('its migrations are there', () => {
    const sql = (from: string) => globSync('**/*.sql', { cwd: from }).sort()
    const dist = join(folder, 'node_modules', manifest.name, 'dist')
    assert.deepEqual(sql(dist), sql(join(root, 'src')))
    assert.ok(sql(dist).length > 5)
  })

  test('an app in strict TypeScript compiles against its declarations, runs, and is explained', () => {
    for (const [file, text] of Object.entries(APP)) writeFileSync(join(folder, file), text)
    const types = run(folder, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
    assert.equal(types.status, 0, types.output)
    const bin = join(folder, 'node_modules', manifest.name, manifest.bin.holdfast)
    assert.match(run(folder, bin, '--version').output, /^holdfast \d/)
    const explained = run(folder, bin, 'explain', 'notes.write')
    assert.match(explained.output, /^notes\.write {2}command {2}POST \/v1\/notes\n/)
  })
})

/** A third above what it is, so that a folder that slipped in is noticed. */
const UNPACKED_BYTES_MAX = 12_000_000

const TEN_LINES = `
import { anyone, defineQuery, holdfast, loadConfig, migrate, migrationSources, buildRegistry, startApp } from 'holdfast'
import { z } from 'zod'
const Hello = defineQuery({ name: 'hello.hello', http: 'GET /v1/hello/{name}', input: z.object({ name: z.string() }), output: z.object({ hello: z.string() }) })
const builder = holdfast()
const hello = builder.handle(Hello, { allow: anyone, run: ({ input }) => ({ hello: input.name }) })
const app = builder.defineApp({ modules: [{ module: builder.defineModule({ name: 'hello' }), Hello, hello }] })
const config = loadConfig(process.env)
await migrate({ url: process.env.DATABASE_URL ?? '', sources: migrationSources(buildRegistry(app)) })
export const running = await startApp(app, { config })
`

/** Packages whose weight anybody would notice. */
const WEIGHTY = [
  '@opentelemetry/api',
  'cockatiel',
  'csv-parse',
  'drizzle-orm',
  'fastify',
  'kysely',
  'libpg-query',
  'nodemailer',
  'oxc-parser',
  'pg',
  'pino',
  'zod',
]

/** Starts the app of a file, asks it, and tells which packages it has loaded. */
const LOADED = `
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
const packages = new Set()
registerHooks({
  load(url, context, next) {
    const inPackage = /node_modules\\/((?:@[^/]+\\/)?[^/]+)(?!.*node_modules\\/)/.exec(url)?.[1]
    if (inPackage !== undefined) packages.add(inPackage)
    return next(url, context)
  },
})
const { running } = await import(pathToFileURL(process.argv[1]))
const reply = await (await fetch(running.apiUrl + '/v1/hello/Ada')).json()
await running.stop()
const known = ${JSON.stringify(WEIGHTY)}
process.stdout.write('\\n' + JSON.stringify({ reply, packages: known.filter((name) => packages.has(name)) }))
process.exit(0)
`

const APP = {
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      types: [],
    },
    include: ['*.ts'],
  }),
  'holdfast.config.ts': `
import { defineConfig } from 'holdfast/config'
export const config = defineConfig({ migrations: [], app: './app.ts' })`,
  'app.ts': `
import { type AllowRule, conflict, defineCommand, holdfast, type InputOf, may, type Scope } from 'holdfast'
import { z } from 'zod'
const shop = holdfast<{ db: { notes: { id: number } } }>()
const Write = defineCommand({
  name: 'notes.write',
  http: 'POST /v1/notes',
  input: z.object({ text: z.string() }),
  output: z.object({ id: z.int() }),
  problems: { taken: conflict('Taken') },
})
const allow: AllowRule = may('notes:write')
const tenantOf = (scope: Scope): string => scope.tenant
const notes = {
  module: shop.defineModule({ name: 'notes' }),
  write: shop.handle(Write, {
    allow,
    async run({ input, tx, scope, fail }) {
      const rows = await tx.db.selectFrom('notes').select('id').limit(1).execute()
      const id: number | undefined = rows[0]?.id
      if (id === undefined || tenantOf(scope) === '') throw fail.taken(input.text)
      const output: InputOf<typeof Write.output> = { id }
      return output
    },
  }),
}
export const app = shop.defineApp({ modules: [notes] })
// @ts-expect-error an output that does not fit its schema
export const unfit = () => shop.handle(Write, { allow, run: () => ({ id: 'one' }) })
`,
}
