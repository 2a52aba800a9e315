import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { testDatabase } from '../testing/test-database.ts'
import { main } from './main.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Folder {
  readonly path: string
  run(words: string, typed?: readonly string[]): Promise<Ran>
}

/** A folder with files; `typed` are the lines of somebody at the terminal. */
async function folder(context: TestContext, files: Record<string, string> = {}): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-advise-'))
  context.after(() => rm(path, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true })
    await writeFile(join(path, name), text)
  }
  return {
    path,
    async run(words, typed) {
      const out: string[] = []
      const err: string[] = []
      const lines = [...(typed ?? [])]
      const ask = async (prompt: string) => {
        out.push(prompt)
        return lines.shift()
      }
      const terminal = {
        env: {},
        cwd: path,
        out: (text: string) => void out.push(text),
        err: (text: string) => void err.push(text),
        ...(typed === undefined ? {} : { ask }),
      }
      const code = await main(words.split(' ').filter(Boolean), terminal)
      return { code, out: out.join('\n'), err: err.join('\n') }
    },
  }
}

test('a decision is asked for, and what was typed wrongly is asked again', async (context) => {
  const { run } = await folder(context)
  const typed = ['5', 'many', '2k', '', '', '', '', '']
  const { code, out } = await run('advise database', typed)
  assert.equal(code, 0)
  assert.match(out, /What most of the data is:\n {2}1 records: .*\n {2}5 vectors:/s)
  assert.match(out, /"many" is no answer to this/)
  assert.match(out, /Pick: A vector store beside Postgres/)
  assert.match(out, /vectorsMillion = 2,000 million \(answered\)/)
})

test('answers from a file: what is assumed and what is read is said', async (context) => {
  const { run } = await folder(context, {
    'answers.json': '{ "tenants": 40, "tenantIsolation": "restore" }',
    'package.json': '{ "dependencies": { "@prisma/client": "7" } }',
    'package-lock.json':
      '{ "packages": { "node_modules/@prisma/client": { "version": "7.10.0" } } }',
    'ordering/migrations/0001.sql': 'CREATE TABLE o (tenant_id text, total_amount numeric);',
  })
  const tenancy = await run('advise multi-tenancy --answers answers.json')
  assert.match(tenancy.out, /Pick: A schema per tenant/)
  assert.match(
    tenancy.out,
    /-> database: tenants at least 200 tenants|-> database: tenants above 199/,
  )
  assert.match(tenancy.err, /tenants: you answered 40, read was 2 .*yours is taken/)
  const layer = await run('advise query-layer --defaults')
  assert.match(layer.out, /moneyOrStock|sqlSkill = good \(assumed\)/)
  assert.match(layer.out, /Today: An ORM .*\(@prisma\/client 7\.10\.0, package-lock\.json\)/)
})

test('unusable and contradictory answers are all named, and exit with 2', async (context) => {
  const { run } = await folder(context, {
    'wrong.json':
      '{ "tenant": 1, "writesPerSecond": -1, "dataShape": "record", "moneyOrStock": 1 }',
    'both.json': '{ "teams": 3, "engineers": 1, "verifiedElsewhere": true, "revokeSeconds": 0 }',
    'list.json': '[]',
    'proto.json': '{ "__proto__": 1, "constructor": 2 }',
  })
  const cases: [words: string, messages: RegExp[]][] = [
    [
      'advise database --answers wrong.json',
      [
        /"tenant" is no question; did you mean "tenants"/,
        /must be a number from 0/,
        /did you mean "records"/,
        /must be true or false/,
      ],
    ],
    [
      'advise database --answers both.json',
      [/contradiction: teams = 3/, /contradiction: verifiedElsewhere/],
    ],
    ['advise database --answers list.json', [/must be a JSON object/]],
    [
      'advise database --answers proto.json',
      [/"__proto__" is no question/, /"constructor" is no question/],
    ],
    ['advise database --answers none.json', [/none\.json cannot be read/]],
    ['advise databse', [/There is no topic "databse"; did you mean "database"\?/]],
    ['advise zzzz', [/There is no topic "zzzz"; holdfast advise lists what there is/]],
    ['advise pool holdMs=5..2', [/holdMs begins above its end: low\.\.high/]],
    ['advise database now', [/"now" is too much/]],
    ['advise queue servers=zero', [/"servers=zero" is no input/]],
    ['advise pool --record docs', [/--record: "pool" is no decision/]],
    ['advise runbook jobs are late --record docs', [/--record: "queue-growing" is no decision/]],
    ['advise topology --record docs', [/--record: "topology" is no decision/]],
    ['advise --record docs', [/--record: The list of topics is no decision/]],
    ['advise runbook qqqq', [/There is no playbook for "qqqq"/]],
  ]
  for (const [words, messages] of cases) {
    const { code, out, err } = await run(words)
    assert.deepEqual([code, out], [2, ''], words)
    for (const message of messages) assert.match(err, message)
    assert.doesNotMatch(err, /\n\s+at /)
  }
})

test('a database tells its sizes; one that is not there is said without its password', async (context) => {
  const database = await testDatabase()
  context.after(() => database.drop())
  const client = new pg.Client({ connectionString: database.adminUrl })
  await client.connect()
  await client.query(
    `CREATE TABLE orders (tenant_id int, note text);
     INSERT INTO orders SELECT n % 7, repeat('x', 900) FROM generate_series(1, 2000) n;
     ANALYZE orders;`,
  )
  await client.end()
  const { run } = await folder(context)
  const tenancy = await run(`advise multi-tenancy --json --database-url ${database.adminUrl}`)
  const advice = JSON.parse(tenancy.out)
  const tenants = advice.answers.find(({ id }: { id: string }) => id === 'tenants')
  assert.deepEqual(
    [tenants.value, tenants.origin, tenants.from],
    [7, 'read', 'pg_stats: distinct values of tenant_id'],
  )
  const away = await run('advise database --database-url postgres://app:geheim@127.0.0.1:1/shop')
  assert.equal(away.code, 0)
  assert.match(
    away.err,
    /HF_DATABASE_UNAVAILABLE: .*does not answer \(ECONNREFUSED\).*is assumed\.$/,
  )
  assert.match(away.out, /^Database: .*\(assumed\)/s)
  assert.doesNotMatch(away.err, /geheim/)
  const refused = async (change: (url: URL) => void) => {
    const url = new URL(database.url)
    change(url)
    return (await run(`advise database --defaults --database-url ${url}`)).err
  }
  assert.match(
    await refused((url) => Object.assign(url, { pathname: '/none' })),
    /^HF_CONFIG_INVALID: The database .*is not on this server: .* \(3D000\)\..*is assumed\.$/,
  )
  const stranger = await refused((url) =>
    Object.assign(url, { username: 'none', password: 'geheim' }),
  )
  assert.match(stranger, /refuses the role.* \(28(000|P01)\)\..*is assumed\.$/)
  assert.doesNotMatch(stranger, /geheim/)
  const wrong = await run('advise database --database-url mysql://app:geheim@127.0.0.1/shop')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /HF_CONFIG_INVALID: --database-url must be a Postgres URL/)
  assert.doesNotMatch(wrong.err, /geheim/)
})

test('records are numbered, and supersede the earlier one', async (context) => {
  const { path, run } = await folder(context)
  await run('advise isolation --defaults --record docs/decisions')
  await run('advise caching --defaults --record docs/decisions')
  const { err } = await run('advise isolation --defaults --record docs/decisions')
  assert.equal(err, 'Written: docs/decisions/0003-isolation.md')
  assert.deepEqual((await readdir(join(path, 'docs/decisions'))).sort(), [
    '0001-isolation.md',
    '0002-caching.md',
    '0003-isolation.md',
  ])
  const text = await readFile(join(path, 'docs/decisions/0003-isolation.md'), 'utf8')
  assert.match(text, /^---\nstatus: proposed\ndate: 20\d\d-\d\d-\d\d\n---\n\n# Isolation level/)
  assert.match(text, /Supersedes \[0001-isolation\.md\]/)
  assert.match(text, /### When to decide again\n\n- towards/)
})

test('records go where they are wanted, or it is said why not', async (context) => {
  const { path, run } = await folder(context, { taken: '' })
  const { err } = await run(`advise isolation --defaults --record ${join(path, 'elsewhere')}`)
  assert.equal(err, 'Written: elsewhere/0001-isolation.md')
  const taken = await run('advise isolation --defaults --record taken')
  assert.deepEqual([taken.code, /HF_USAGE: taken cannot be written to/.test(taken.err)], [2, true])
})

test('all decisions at once, and everything as JSON', async (context) => {
  const { run } = await folder(context)
  const all = JSON.parse((await run('advise all --json')).out)
  assert.equal(all.length, 22)
  const list = JSON.parse((await run('advise --json')).out)
  assert.deepEqual(Object.keys(list), [
    'decisions',
    'calculators',
    'playbooks',
    'handOffs',
    'questions',
  ])
  assert.equal(JSON.parse((await run('advise slo --json')).out).figures[0].unit, 'requests')
  assert.match((await run('advise runbook jobs are late')).out, /^A queue is growing/)
  assert.match((await run('advise topology')).out, /Ask: architecture/)
})

test('a broken package.json is said and passed over', async (context) => {
  const { run } = await folder(context, { 'package.json': '{ "dependencies": ' })
  const { code, err } = await run('advise framework --defaults')
  assert.deepEqual([code, err], [0, 'package.json is no JSON and was passed over.'])
})
