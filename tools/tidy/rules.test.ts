/** Each rule is shown to fail on what it forbids, and to leave alone what only looks like it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkArrows, checkCycles, checkDeadFiles, checkStores } from './arrows.ts'
import { checkBanned, checkMachinePaths } from './banned.ts'
import { type Finding, withExceptions } from './finding.ts'
import { functionsIn } from './functions.ts'
import { checkLockfile } from './lockfile.ts'
import { scan } from './scan.ts'
import { checkSizes } from './sizes.ts'
import { type SourceFile, sourceFile } from './source-file.ts'

function files(texts: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(texts).map(([path, text]) => sourceFile(path, text))
}

function lines(found: readonly Finding[]): string[] {
  return found.map(({ rule, path, line }) => `${rule} ${path}:${line}`)
}

const imports = (target: string) => `import { x } from '${target}'\n`

test('scan blanks comments, strings, templates and regular expressions, and nothing else', () => {
  const blanked = (text: string) => scan(text).code.replace(/ +/g, ' ')
  assert.equal(blanked("a('x' // it's\n)"), "a(' ' \n)")
  assert.equal(blanked('/* {\n */ a'), ' \n a')
  assert.equal(blanked('`a { ${ b({ c: `d}` }) } e` + f'), '` ${ b({ c: ` ` }) } ` + f')
  assert.equal(blanked('x = /[/"{]\\//.test(y) / z'), 'x = / /.test(y) / z')
  assert.equal(blanked("'\\'{' + g"), "' ' + g")
  assert.equal(blanked('n / 2 / m'), 'n / 2 / m')
  const text = "const a = 'b' // c\n`${d}`"
  assert.equal(scan(text).code.length, text.length)
  assert.deepEqual(
    scan('f(\'a\', "b", `c${0}d`)').strings.map(({ value }) => value),
    ['a', 'b', 'c', 'd'],
  )
})

test('imports of every form are found, and which of them are erased', () => {
  const text = [
    "import './a.ts'",
    "import { b, type B } from './b.ts'",
    "import type { C } from './c.ts'",
    "import type, { d } from './d.ts'",
    'import {\n  e,\n  e2,\n} from "../e.ts"',
    "export * from './f.ts'",
    "export type { G } from './g.ts'",
    "const h = await import('./h.ts')",
    "import pg, * as i from 'pg'",
    "const no = \"import { x } from './no.ts'\" // import './no.ts'",
    "export const from = './no.ts'",
  ].join('\n')
  const { imports: found } = sourceFile('src/base/x.ts', text)
  const shown = found.map(({ target, typeOnly }) => `${target}${typeOnly ? ' (type)' : ''}`)
  const at = (name: string) => `src/base/${name}.ts`
  const expected = [at('a'), at('b'), `${at('c')} (type)`, at('d'), 'src/e.ts', at('f')]
  assert.deepEqual(shown, [...expected, `${at('g')} (type)`, at('h'), 'pg'])
})

test('rings: up and sideways is refused, down and inside is not', () => {
  const check = (path: string, target: string) =>
    lines(checkArrows(files({ [path]: imports(target) })))
  assert.deepEqual(check('src/base/a.ts', '../runtime/b.ts'), ['arrows src/base/a.ts:1'])
  assert.deepEqual(check('src/database/a.ts', '../outbound/b.ts'), ['arrows src/database/a.ts:1'])
  assert.deepEqual(check('src/operation/a.ts', '../testing/b.ts'), ['arrows src/operation/a.ts:1'])
  assert.deepEqual(check('src/base/a.ts', '../../example/b.ts'), ['arrows src/base/a.ts:1'])
  assert.deepEqual(check('src/novel/a.ts', '../base/b.ts'), ['arrows src/novel/a.ts:1'])
  assert.deepEqual(check('src/runtime/a.ts', '../base/b.ts'), [])
  assert.deepEqual(check('src/runtime/a.ts', './b/c.ts'), [])
  assert.deepEqual(check('src/base/a.test.ts', '../testing/b.ts'), [])
  assert.deepEqual(check('src/index.ts', './cli/main.ts'), [])
  assert.deepEqual(
    lines(checkArrows(files({ 'src/base/a.ts': "import type { T } from '../cli/b.ts'" }))),
    ['arrows src/base/a.ts:1'],
  )
})

test('ranks of state/ and the ban of transport/', () => {
  const refused = (path: string, target: string) =>
    checkArrows(files({ [path]: imports(target) })).length > 0
  assert.ok(refused('src/state/job/a.ts', '../audit/audit.ts'))
  assert.ok(refused('src/state/job/a.ts', '../event/event.ts'))
  assert.ok(refused('src/state/shared.ts', './job/job.ts'))
  assert.ok(refused('src/state/novel/a.ts', '../job/job.ts'))
  assert.ok(!refused('src/state/event/a.ts', '../job/job.ts'))
  assert.ok(!refused('src/state/saga/a.ts', '../event/event.ts'))
  assert.ok(!refused('src/state/job/a.ts', '../shared.ts'))
  assert.ok(!refused('src/state/job/a.ts', './store.ts'))
  assert.ok(refused('src/transport/rest/a.ts', '../../database/pool.ts'))
  assert.ok(refused('src/transport/rest/a.ts', '../rpc/b.ts'))
  assert.ok(refused('src/transport/http/a.ts', '../rest/b.ts'))
  assert.ok(!refused('src/transport/http/server.ts', '../rest/b.ts'))
  assert.ok(!refused('src/transport/rest/a.ts', '../http/b.ts'))
})

test('a store is read by its own folder alone', () => {
  const check = (path: string, target: string) =>
    checkStores(files({ [path]: imports(target) })).length
  assert.equal(check('src/app/wire.ts', '../state/job/store.ts'), 1)
  assert.equal(check('src/state/job/job.ts', './store.ts'), 0)
  assert.equal(check('src/app/wire.ts', '../state/job/key-store.ts'), 0)
})

test('a circle of imports is named once; types may go in circles', () => {
  const [a, b, c] = ['src/base/a.ts', 'src/base/b.ts', 'src/base/c.ts'] as const
  const circle = files({ [a]: imports('./b.ts'), [b]: imports('./c.ts'), [c]: imports('./a.ts') })
  assert.deepEqual(
    checkCycles(circle).map(({ message }) => message),
    [`Break the circle: ${a} -> ${b} -> ${c} -> ${a}.`],
  )
  const types = files({ [a]: imports('./b.ts'), [b]: "import type { x } from './a.ts'" })
  assert.deepEqual(checkCycles(types), [])
})

test('a file that nothing uses is dead; a test, an entry point and a started script are not', () => {
  const texts = {
    'src/base/dead.ts': '',
    'src/base/self.ts': imports('./self.ts'),
    'src/base/used.ts': '',
    'src/base/used.test.ts': imports('./used.ts'),
    'src/base/child.ts': '',
    'src/base/spawns.ts': "new URL('./child.ts', import.meta.url)",
    'src/index.ts': imports('./base/spawns.ts'),
    'tools/run.ts': '',
    'bench/apps/peer.ts': '',
    'bench/apps.ts': "const peers = ['peer.ts']",
    'bench/lib/other.ts': imports('../apps.ts'),
  }
  const entries = '{ "bin": "./dist/index.js", "scripts": { "x": "node tools/run.ts" } }'
  assert.deepEqual(lines(checkDeadFiles(files(texts), entries)), [
    'dead src/base/dead.ts:1',
    'dead src/base/self.ts:1',
    'dead bench/lib/other.ts:1',
  ])
})

const banned: Readonly<Record<string, readonly [path: string, text: string]>> = {
  'random ids': ['src/state/a.ts', 'const id = Math.random()'],
  'the time of day': ['src/state/a.ts', 'const now = Date.now()'],
  today: ['src/state/a.ts', 'const now = new Date()'],
  'a stopwatch': ['src/state/a.ts', 'const now = performance.now()'],
  'the environment': ['src/state/a.ts', 'const { HOME } = process.env'],
  'a shout': ['src/state/a.ts', "console.log('x')"],
  'trusting JSON': ['src/transport/rest/a.ts', 'JSON.parse(body)'],
  'a sleep': ['src/state/a.test.ts', 'await new Promise((resolve) => setTimeout(resolve, 100))'],
  'a sleep from Node': ['test/race/a.ts', "import { setTimeout } from 'node:timers/promises'"],
  'notify in a transaction': ['src/state/a.ts', 'await tx.query(sql`NOTIFY holdfast_jobs`)'],
  'notify as a function': ['src/state/a.ts', "'SELECT pg_notify($1, $2)'"],
  'a shell': ['tools/a.ts', "import { exec } from 'node:child_process'"],
  'a shell among others': [
    'tools/a.ts',
    "import { execFile, execSync, spawn } from 'node:child_process'",
  ],
  'code from text': ['src/state/a.ts', "new Function('return 1')"],
  'the compiler': ['tools/a.ts', "import ts from 'typescript'"],
  'a default export': ['example/a.ts', 'export default {}'],
  'an enum': ['src/state/a.ts', 'export enum Color { Red }'],
  'a constant enum': ['src/state/a.ts', 'const enum Color { Red }'],
  'a namespace': ['src/state/a.ts', 'namespace A {}'],
  'a decorator': ['src/state/a.ts', '@Injectable()\nclass A {}'],
  'one test alone': ['src/state/a.test.ts', "test.only('x', () => {})"],
  'a test left out': ['src/state/a.test.ts', "test('x', { skip: true }, () => {})"],
  'a test left out with a reason': [
    'src/state/a.test.ts',
    "test('x', { skip: 'flaky' }, () => {})",
  ],
}

for (const [title, [path, text]] of Object.entries(banned))
  test(`banned: ${title}`, () => {
    assert.deepEqual(lines(checkBanned(files({ [path]: `\n${text}\n` }))), [`banned ${path}:2`])
  })

test('what only looks banned, or stands where it belongs, is left alone', () => {
  const fine = files({
    'src/base/clock.ts': 'Date.now()\nperformance.now()',
    'src/runtime/config.ts': 'process.env',
    'src/cli/main.ts': "console.log('x')",
    'src/state/a.ts': [
      "// Math.random, console.log, 'NOTIFY'",
      "const text = 'Math.random() and process.env'",
      'const at = new Date(atMs).toISOString()',
      'const namespace = 1',
      'const enumerable = { enumerable: true }',
      "import { execFile } from 'node:child_process'",
      'const match = /x/.exec(text)',
      "const kind = 'notify'",
    ].join('\n'),
    'src/state/a.test.ts': "test('x', { skip: !isRoot }, () => {})\nDate.now()",
    'src/base/json.ts': 'JSON.parse(text)',
  })
  assert.deepEqual(lines(checkBanned(fine)), [])
})

test('functions of every form are measured', () => {
  const body = '{\n  a()\n}'
  const forms: Readonly<Record<string, string>> = {
    plain: `function plain(a: { b: number }): Promise<{ c: number }> ${body}`,
    typed: `function typed<T extends Map<string, number>>(): { a: T } | undefined ${body}`,
    assertion: `function assertion(a: unknown): a is { b: string } ${body}`,
    method: `class A {\n  async method(a = (1)): Promise<void> ${body}\n}`,
    '#hidden': `class A {\n  static #hidden() ${body}\n}`,
    constructor: `class A {\n  constructor() ${body}\n}`,
    size: `class A {\n  get size(): number ${body}\n}`,
    arrow: `const arrow = async (a: number): Promise<void> => ${body}`,
    handed: `handed('x', async () => ${body})`,
    '(anonymous)': `x = function () ${body}`,
  }
  for (const [name, text] of Object.entries(forms)) {
    const found = functionsIn(scan(text).code)
    assert.deepEqual(
      found.map((each) => [each.name, each.lines]),
      [[name, 3]],
      text,
    )
  }
  const none = [
    'if (a) {\n  b()\n}',
    'for (const a of b) {\n  c()\n}',
    'interface A {\n  method(a: number): void\n  other(): {\n    b: number\n  }\n}',
    'const a = b ? c(d) : {\n  e: 1,\n}',
    'type F = (a: number) => void\n{\n  a\n}',
    'switch (a(b)) {\n  case 1:\n}',
  ]
  for (const text of none) assert.deepEqual(functionsIn(scan(text).code), [], text)
})

test('seventy lines are enough for a function, five hundred for a file', () => {
  const call = '  a()\n'
  const check = (text: string, path = 'src/base/a.ts') => lines(checkSizes(files({ [path]: text })))
  assert.deepEqual(check(`function f() {\n${call.repeat(68)}}\n`), [])
  assert.deepEqual(check(`\nfunction f() {\n${call.repeat(69)}}\n`), [
    'function-length src/base/a.ts:2',
  ])
  assert.deepEqual(check(call.repeat(500)), [])
  assert.deepEqual(check(call.repeat(501)), ['file-length src/base/a.ts:1'])
  const group = `describe('x', () => {\n${call.repeat(80)}})\n`
  assert.deepEqual(check(group, 'src/base/a.test.ts'), [])
})

test('paths of machines are found in any text', () => {
  const found = (text: string) => checkMachinePaths([{ path: 'docs/a.md', text }]).length
  assert.equal(found('see /home/somebody/project and /Users/x'), 2)
  assert.equal(
    found('GET /v1/work/items, ./home/x, /var/tmp/holdfast, https://a.example/root/b'),
    0,
  )
})

test('a lockfile that npm ci would refuse, loose versions and foreign hosts', () => {
  const lock = (packages: object) => JSON.stringify({ packages })
  const check = (manifest: object, packages: object) =>
    checkLockfile(JSON.stringify(manifest), lock(packages)).length
  const whole = { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-x' } }
  assert.equal(check({ dependencies: { a: '1.0.0' } }, whole), 0)
  assert.equal(check({ dependencies: { a: '^1.0.0' } }, whole), 1)
  const needy = {
    'node_modules/a': { ...whole['node_modules/a'], optionalDependencies: { b: '1.0.0' } },
  }
  assert.equal(check({}, needy), 1)
  assert.equal(check({}, { 'node_modules/a': { version: '1.0.0' } }), 1)
  const foreign = { ...whole['node_modules/a'], resolved: 'https://mirror.example/a.tgz' }
  assert.equal(check({}, { 'node_modules/a': foreign }), 1)
})

test('an exception holds for its rule and file, and must be needed', () => {
  const found: Finding[] = [{ rule: 'dead', path: 'a.ts', line: 1, message: 'x' }]
  const exception = { rule: 'dead', path: 'a.ts', reason: 'because' }
  assert.deepEqual(withExceptions(found, [exception]), [])
  assert.equal(withExceptions(found, [{ ...exception, path: 'b.ts' }]).length, 2)
  assert.equal(withExceptions([], [exception]).length, 1)
})
