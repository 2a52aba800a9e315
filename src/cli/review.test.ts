import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { main } from './main.ts'

const FAULT = `import { Pool } from 'pg'
const pool = new Pool()
export async function find(req: { query: { name: string } }, res: object) {
  return pool.query(\`SELECT id FROM users WHERE name = '\${req.query.name}'\`)
}
`

function project(context: TestContext, files: Record<string, string | Buffer>) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-review-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const run = async (line: string) => {
    const out: string[] = []
    const err: string[] = []
    const order: string[] = []
    const into = (list: string[]) => (text: string) => {
      list.push(text)
      order.push(text)
    }
    const terminal = { env: {}, cwd: folder, out: into(out), err: into(err) }
    const code = await main(['review', ...line.split(' ').filter(Boolean)], terminal)
    return { code, out: out.join('\n'), err: err.join('\n'), order }
  }
  return { folder, run }
}

const json = (text: string) => JSON.parse(text)

test('a finding says where, why, what then and what instead', async (context) => {
  const { run } = project(context, { 'src/users.ts': FAULT })
  const { code, out, err } = await run('')
  assert.equal(code, 1)
  assert.match(out, /^src\/users\.ts:4:10 {2}error {2}string-sql {2}\(confidence high\)$/m)
  assert.match(out, /^ {2}> 4 \| {3}return pool\.query\(`SELECT/m)
  assert.match(out, /^ {4} {2}\| {10}\^{20,}$/m)
  assert.match(out, /^ {2}then {3}Whoever sends the value/m)
  assert.match(
    out,
    /^ {2}fix {4}As a parameter: pool\.query\('SELECT … WHERE name = \$1', \[name\]\)$/m,
  )
  assert.match(out, /^ {2}more {3}npx holdfast rules string-sql$/m)
  assert.match(err, /^1 error in 1 file, 6 lines\.$/)
  for (const line of out.split('\n')) assert.equal(line, line.trimEnd())
})

test('as JSON and as SARIF it says the same', async (context) => {
  const { run } = project(context, { 'src/users.ts': FAULT })
  const [finding] = json((await run('--json')).out).findings
  assert.deepEqual(
    [finding.rule, finding.path, finding.line, finding.level],
    ['string-sql', 'src/users.ts', 4, 'error'],
  )
  const sarif = json((await run('--sarif')).out)
  const [result] = sarif.runs[0].results
  assert.deepEqual([sarif.version, result.ruleId, result.level], ['2.1.0', 'string-sql', 'error'])
  assert.equal(finding.more, 'npx holdfast rules string-sql')
  const [rule] = sarif.runs[0].tool.driver.rules
  assert.match(rule.help.text, /Not when: .+\n\nnpx holdfast rules string-sql$/)
  assert.equal(result.locations[0].physicalLocation.artifactLocation.uri, 'src/users.ts')
  assert.equal(result.partialFingerprints['holdfast/v1'], finding.fingerprint)
})

test('what is clean, and what lies below the level, exits with 0', async (context) => {
  const { run } = project(context, {
    'src/users.ts': `import { Pool } from 'pg'\nexport const all = (pool: Pool) => pool.query('SELECT * FROM users WHERE id = $1', [1])\n`,
  })
  const clean = await run('')
  assert.deepEqual([clean.code, clean.out], [0, ''])
  assert.match(clean.err, /^Nothing found in 1 file/)
  assert.equal((await run('--level info')).code, 1)
})

test('misuse exits with 2 and says what was meant', async (context) => {
  const cases: [line: string, message: RegExp, files?: Record<string, string>][] = [
    ['nowhere', /there is no folder/],
    ['a.ts', /is no folder/],
    ['--level loud', /must be one of info, warning, error/],
    ['--json --sarif', /exclude each other/],
    ['--jsno', /did you mean "--json"/],
    [
      '--baseline none.json',
      /The baseline .* cannot be read: there is no such file\. .*--write-baseline/,
    ],
    ['--diff HEAD', /--diff: .*not a git repository/i],
    ['--write-baseline no/such/folder.json', /cannot be written to \(ENOENT\)/],
    [
      '',
      /"levle" is unknown; did you mean "level"/,
      { 'holdfast.review.json': '{ "levle": "error" }' },
    ],
    [
      '',
      /there is no rule "n-plus-on"; did you mean "n-plus-one"/,
      { 'package.json': '{ "holdfast": { "review": { "off": ["n-plus-on"] } } }' },
    ],
    ['', /is no JSON/, { 'holdfast.review.json': '{' }],
    ['', /HF_REVIEW_SETTINGS: package\.json is no JSON: /, { 'package.json': '{ "holdfast": ' }],
    ['', /package\.json, holdfast: must be an object/, { 'package.json': '{ "holdfast": 3 }' }],
    ['', /package\.json, holdfast: must be an object/, { 'package.json': '{ "holdfast": null }' }],
    [
      '',
      /holdfast\.config\.ts, review: write it out as texts and lists/,
      { 'holdfast.config.ts': 'export const config = { review: settings() }' },
    ],
    [
      '',
      /holdfast\.config\.ts cannot be parsed: /,
      { 'holdfast.config.ts': 'export const config = { review: { off: [' },
    ],
    [
      '',
      /holdfast\.config\.ts, review: "levle" is unknown/,
      { 'holdfast.config.ts': "export const config = defineConfig({ review: { levle: 'x' } })" },
    ],
  ]
  for (const [line, message, files] of cases) {
    const { run } = project(context, { 'a.ts': '', ...files })
    const { code, out, err } = await run(line)
    assert.deepEqual([code, out], [2, ''], line)
    assert.match(err, message)
  }
})

test('a rule may be switched off, and a folder left out', async (context) => {
  const off = project(context, {
    'src/users.ts': FAULT,
    'holdfast.review.json': '{ "off": ["string-sql"] }',
  })
  assert.equal((await off.run('')).code, 0)
  const ignored = project(context, {
    'src/users.ts': FAULT,
    'package.json': '{ "holdfast": { "review": { "ignore": ["src/**"] } } }',
  })
  assert.equal((await ignored.run('')).code, 0)
})

test('the project file is asked as well, and not run', async (context) => {
  const config = (review: string) => `throw new Error('it is run')
    export const config = defineConfig({ migrations: [], review: ${review} })`
  const reviewed = async (review: string) => {
    const files = { 'src/users.ts': FAULT, 'holdfast.config.ts': config(review) }
    return (await project(context, files).run('')).code
  }
  assert.equal(await reviewed("{ off: ['string-sql'] }"), 0)
  assert.equal(await reviewed("{ ignore: ['src/*'] } as const"), 0)
  assert.equal(await reviewed("{ level: 'error' }"), 1)
})

test('a suppression needs a reason, and something to excuse', async (context) => {
  const comment = (text: string) =>
    FAULT.replace('  return', `  // holdfast-review-ignore ${text}\n  return`)
  const cases: [text: string, code: number, message: RegExp][] = [
    ['string-sql: the name is checked by the router', 0, /1 suppressed/],
    ['select-star, string-sql: both are known here', 1, /excuses nothing.*select-star/],
    ['string-sql', 1, /gives no reason/],
    [': because', 1, /names no rule/],
    ['n-plus-one: because', 1, /excuses nothing: there is no finding of n-plus-one here/],
  ]
  for (const [text, code, message] of cases) {
    const { run } = project(context, { 'src/users.ts': comment(text) })
    const result = await run('')
    assert.equal(result.code, code, text)
    assert.match(result.out + result.err, message)
  }
  const spoken = { 'src/help.ts': "export const help = '// holdfast-review-ignore n-plus-one'" }
  assert.equal((await project(context, spoken).run('')).code, 0)
})

test('a baseline leaves out what was there, also when lines move', async (context) => {
  const { folder, run } = project(context, { 'src/users.ts': FAULT })
  assert.equal((await run('--write-baseline known.json')).code, 0)
  writeFileSync(join(folder, 'src/users.ts'), `// moved\n\n${FAULT}`)
  assert.equal((await run('--baseline known.json')).code, 0)
  writeFileSync(join(folder, 'src/more.ts'), FAULT)
  const { code, out } = await run('--baseline known.json --json')
  assert.deepEqual(
    [code, json(out).findings.length, json(out).findings[0].path],
    [1, 1, 'src/more.ts'],
  )
})

test('with --diff only what was changed is told', async (context) => {
  const { folder, run } = project(context, { 'src/users.ts': FAULT, 'src/same.ts': FAULT })
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
      cwd: folder,
      stdio: 'ignore',
    })
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'first')
  assert.equal((await run('--diff HEAD')).code, 0)
  const second = FAULT.slice(FAULT.indexOf('export')).replace('find', 'findAgain')
  writeFileSync(join(folder, 'src/users.ts'), FAULT + second)
  writeFileSync(join(folder, 'src/new file.ts'), FAULT)
  const { findings } = json((await run('--diff HEAD --json')).out)
  assert.deepEqual(
    findings.map(({ path, line }: { path: string; line: number }) => `${path}:${line}`),
    ['src/new file.ts:4', 'src/users.ts:7'],
  )
  assert.match((await run('--diff no-such')).err, /--diff: /)
})

test('files that are broken or strange are told and passed over; the rest goes on', async (context) => {
  const { folder, run } = project(context, {
    'src/users.ts': FAULT,
    'src/broken.ts': 'export const a = {{{',
    'src/page.jsx': 'export const Page = () => <p>{1}</p>',
    'src/decorated.ts':
      '@Controller() export class A { @Get() b() {} constructor(private readonly c: D) {} }',
    'src/huge.js': `x = ${'1 + '.repeat(300_000)}1`,
    'src/minified.js': `var a=${'1+'.repeat(4_000)}1`,
    'src/made.ts': '/* @generated */ export const a = 1',
    'src/binary.ts': Buffer.from([0, 1, 2, 0]),
    'src/deep.ts': `export const a = ${'['.repeat(2_000)}${']'.repeat(2_000)}`,
    'src/one.ts': `import { two } from './two'\nexport const one = two`,
    'src/two.ts': `import { one } from './one'\nexport const two = one\nexport * from './one'`,
    'src/bad.sql': 'CREATE TABEL x (',
    'migrations/0001_bad.sql': 'ALTER TABLE users ADD COLUMN a int NOT NULL; CREATE TABEL x (',
    'tsconfig.json':
      '{ "extends": "./tsconfig.json", "compilerOptions": { "paths": { "@/*": ["./src/*"], } } } // own',
  })
  execFileSync('mkfifo', [join(folder, 'src/pipe.ts'), join(folder, 'package.json')])
  symlinkSync('..', join(folder, 'src/loop'))
  symlinkSync('users.ts', join(folder, 'src/link.ts'))
  symlinkSync('knot', join(folder, 'src/knot'))
  writeFileSync(join(folder, 'src/secret.ts'), FAULT)
  chmodSync(join(folder, 'src/secret.ts'), 0)
  const { code, out, err } = await run('--json --verbose')
  assert.equal(code, 1)
  const { findings, passedOver } = json(out)
  assert.ok(findings.some(({ path }: { path: string }) => path === 'src/users.ts'))
  const why = new Map(
    passedOver.map((each: { path: string; why: string }) => [each.path, each.why]),
  )
  assert.match(String(why.get('src/broken.ts')), /^syntax error at 1:/)
  assert.match(String(why.get('src/huge.js')), /too large/)
  assert.equal(why.get('src/minified.js'), 'minified')
  assert.equal(why.get('src/made.ts'), 'generated')
  assert.equal(why.get('src/binary.ts'), 'a binary file')
  assert.equal(why.get('src/link.ts'), 'a symbolic link')
  assert.equal(why.get('src/loop'), 'a symbolic link to a folder')
  assert.equal(why.get('src/knot'), 'a loop of symbolic links')
  assert.equal(why.get('src/pipe.ts'), 'no plain file')
  assert.equal(why.get('migrations/0001_bad.sql'), 'not read as SQL of Postgres')
  // Root reads what it may not.
  if (process.getuid?.() !== 0) assert.equal(why.get('src/secret.ts'), 'no permission to read it')
  assert.match(err, /passed over src\/broken\.ts: syntax error/)
})

test('nothing of the project is run', async (context) => {
  const { folder, run } = project(context, {
    'holdfast.config.ts': `import { writeFileSync } from 'node:fs'\nwriteFileSync('ran', '')\nexport const config = {}`,
    'src/index.ts': `require('node:fs').writeFileSync('ran', '')`,
  })
  await run('')
  assert.throws(() => readFileSync(join(folder, 'ran')))
})

test('one file or folder alone, with what it imports', async (context) => {
  const { run } = project(context, {
    'src/users.ts': FAULT,
    'src/orders/find.ts': FAULT.replaceAll('users', 'orders'),
    'src/orders-old.ts': FAULT,
  })
  const paths = async (line: string) =>
    json((await run(`${line} --json`)).out).findings.map(({ path }: { path: string }) => path)
  assert.deepEqual(await paths('--only src/users.ts'), ['src/users.ts'])
  assert.deepEqual(await paths('--only src/orders'), ['src/orders/find.ts'])
  assert.deepEqual(await paths('. --only .'), await paths(''))
  for (const [line, message] of [
    ['--only nowhere', /--only nowhere: there is no such file or folder/],
    ['src/orders --only src/users.ts', /lies outside of/],
  ] as const) {
    const { code, err } = await run(line)
    assert.equal(code, 2)
    assert.match(err, message)
  }
})

const LOOP = `import { Pool } from 'pg'
const pool = new Pool()
export async function total(ids: string[]) {
  for (const id of ids) await pool.query('SELECT balance FROM accounts WHERE id = $1', [id])
}
`
const ROUTE = `import express from 'express'
import { total } from './a.ts'
const app = express()
app.post('/seen', async (req, res) => res.json(await total(req.body.ids)))
`

test('of a large tree each finding is shown while the rest is still read', async (context) => {
  const filler = Array.from({ length: 2_100 }, (_, index) => [`src/m${index}.ts`, ''])
  const { run } = project(context, {
    'src/a.ts': LOOP,
    'src/b.ts': ROUTE,
    'src/users.ts': FAULT,
    ...Object.fromEntries(filler),
  })
  const { out, order } = await run('')
  const at = (pattern: RegExp) => order.findIndex((line) => pattern.test(line))
  const loop = at(/^src\/a\.ts:4.*n-plus-one/)
  assert.ok(loop !== -1 && loop < at(/^read 2000/), order.join('\n'))
  // Nobody could know at once which route leads to the first.
  assert.match(
    out,
    /^What leads to [^\n]+\n\nsrc\/a\.ts:4:\d+ {2}n-plus-one\n {2}path {3}POST \/seen \(Express\) src\/b\.ts:4/m,
  )
  assert.equal(out, (await run('')).out)
  const all = json((await run('--json')).out).findings
  assert.deepEqual(
    all.map(({ path, trail }: { path: string; trail: unknown[] }) => [path, trail.length]),
    [
      ['src/a.ts', 2],
      ['src/users.ts', 1],
    ],
  )
})
