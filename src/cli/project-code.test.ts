/** Code that was written for a compiler is read where it stands. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isFault } from '../base/fault.ts'
import { importProjectFile } from './project-code.ts'

function projectOf(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-project-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return (path: string) => importProjectFile(join(folder, path))
}

const COMMONJS = '{ "name": "shop", "type": "commonjs" }'

test('imports without endings, with those of JavaScript, by alias and of folders are found', async (t) => {
  const read = projectOf(t, {
    'package.json': COMMONJS,
    'tsconfig.json': `{
      // As compilers take it.
      "compilerOptions": { "baseUrl": ".", "paths": { "@/*": ["src/*"] }, },
    }`,
    'races.ts': `import { bank } from './src/bank'
import { rate } from './src/rate.js'
import { day } from '@/days'
import { fees } from './src/fees'
import { readFileSync } from 'fs'
export const all: string[] = [bank, rate, day, fees, typeof readFileSync]`,
    'src/bank.ts': `export const bank: string = 'bank'`,
    'src/rate.ts': `export const rate = 'rate' as const`,
    'src/days.ts': `export const day = 'day'`,
    'src/fees/index.ts': `export const fees = 'fees'`,
  })
  assert.deepEqual((await read('races.ts')).all, ['bank', 'rate', 'day', 'fees', 'function'])
})

test('what is missing is told as Node tells it', async (t) => {
  const read = projectOf(t, {
    'package.json': COMMONJS,
    'races.ts': `import { bank } from './src/bank'\nexport const all = [bank]`,
  })
  await assert.rejects(read('races.ts'), { code: 'ERR_MODULE_NOT_FOUND' })
})

const ENUM = `export enum Level { Low, High }\nexport const low: Level = Level.Low`

test('what Node cannot strip asks for a compiler, and uses the one of the project', async (t) => {
  const files = { 'package.json': COMMONJS, 'levels.ts': ENUM }
  await assert.rejects(projectOf(t, files)('levels.ts'), (error) => {
    assert.ok(isFault(error, 'HF_PROJECT_SYNTAX'))
    assert.match(error.message, /levels\.ts: .*enum.* npm install --save-dev esbuild/s)
    return true
  })
  const decorated = { 'package.json': COMMONJS, 'a.ts': '@injectable()\nexport class Bank {}' }
  await assert.rejects(projectOf(t, decorated)('a.ts'), (error) =>
    isFault(error, 'HF_PROJECT_SYNTAX'),
  )
  const read = projectOf(t, { ...files, ...compiler('typescript', TYPESCRIPT), 'use.mts': USE })
  assert.deepEqual((await read('use.mts')).told, {
    kind: 1,
    target: 9,
    decorators: true,
    file: 'levels.ts',
  })
})

test('a typescript without that interface is left alone, and esbuild is asked', async (t) => {
  const read = projectOf(t, {
    'package.json': COMMONJS,
    'levels.ts': ENUM,
    ...compiler('typescript', 'exports.version = "7.0.2"'),
    ...compiler(
      'esbuild',
      `exports.transformSync = (source, { format, sourcefile }) => ({
        code: 'exports.told = ' + JSON.stringify({ format, file: sourcefile.split('/').at(-1) }) })`,
    ),
  })
  assert.deepEqual((await read('levels.ts')).told, { format: 'cjs', file: 'levels.ts' })
})

test('a mistake is told as one where there is a compiler, and modules go through it too', async (t) => {
  const read = projectOf(t, {
    'package.json': '{ "type": "module" }',
    ...compiler('typescript', TYPESCRIPT),
    'bank.ts': 'export const bank = 1',
  })
  assert.deepEqual((await read('bank.ts')).asked, {
    kind: 99,
    target: 9,
    decorators: true,
    file: 'bank.ts',
  })
  const broken = projectOf(t, {
    'package.json': '{ "type": "module" }',
    ...compiler('esbuild', "exports.transformSync = () => ({ code: 'export const = 1' })"),
    'races.ts': 'export const = 1',
  })
  await assert.rejects(broken('races.ts'), SyntaxError)
})

test('a folder whose name looks like a file is none', async (t) => {
  const read = projectOf(t, {
    'package.json': COMMONJS,
    'races.ts': `export { fees } from './app.module'`,
    'app.module/index.ts': `export const fees = 'fees'`,
  })
  assert.equal((await read('races.ts')).fees, 'fees')
})

test('a file that only a module can be is one, and reads what is compiled to CommonJS', async (t) => {
  const read = projectOf(t, {
    'package.json': COMMONJS,
    ...compiler('typescript', TYPESCRIPT),
    'levels.ts': ENUM,
    'races.ts': `import { told } from './levels'
export const here = import.meta.url
export { told }`,
    'later.ts': `export const later = await Promise.resolve('later')`,
  })
  assert.equal((await read('later.ts')).later, 'later')
  const { here, told } = await read('races.ts')
  assert.match(here as string, /races\.ts$/)
  assert.equal((told as { file: string }).file, 'levels.ts')
})

const USE = `export { told } from './levels.ts'`

/** Tells how it was asked instead of compiling; a module keeps what it has. */
const TYPESCRIPT = `
exports.ModuleKind = { CommonJS: 1, ESNext: 99 }
exports.ScriptTarget = { ES2022: 9 }
exports.sys = {}
exports.findConfigFile = () => 'tsconfig.json'
exports.readConfigFile = () => ({ config: {} })
exports.parseJsonConfigFileContent = () => ({ options: { experimentalDecorators: true, target: 1 } })
exports.transpileModule = (source, { fileName, compilerOptions }) => {
  const told = JSON.stringify({
    kind: compilerOptions.module,
    target: compilerOptions.target,
    decorators: compilerOptions.experimentalDecorators,
    file: fileName.split('/').at(-1),
  })
  const isModule = compilerOptions.module === exports.ModuleKind.ESNext
  return { outputText: isModule ? source + '; export const asked = ' + told : 'exports.told = ' + told }
}`

function compiler(name: string, text: string): Record<string, string> {
  return {
    [`node_modules/${name}/package.json`]: `{ "name": "${name}", "main": "index.js" }`,
    [`node_modules/${name}/index.js`]: text,
  }
}
