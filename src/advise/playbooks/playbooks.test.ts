/** What is to be pasted runs: statements on a migrated database, shell commands through a parser. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { frameworkSources } from '../../app/sources.ts'
import { migrate } from '../../database/migrate/migrate.ts'
import { type TestDatabase, testDatabase } from '../../testing/test-database.ts'
import { playbookPage } from '../page.ts'
import { settingsFor, sql } from '../playbook.ts'
import { playbookLines } from '../text.ts'
import { playbooks } from './playbooks.ts'

const commands = playbooks.flatMap(({ id, steps }) =>
  steps.flatMap(({ run }, index) =>
    run === undefined ? [] : [{ ...run, at: `${id} ${index + 1}` }],
  ),
)

/** What psql would put in place of its variables. */
const VARIABLES: Readonly<Record<string, string>> = {
  ':pid': '0',
  ":'key'": "'ord_1'",
  ":'name'": "'x'",
  ":'slot'": "'gone'",
  ":'role'": "'nobody_of_that_name'",
  ":'new_password'": "'x'",
  ':"table"': 'repair_orders',
  ':"index"': 'no_such_index',
  ':"role"': 'repair_role',
  ':"old_partition"': 'no_such_table',
}

function filled(text: string): string {
  return text.replaceAll(/(?<![:\w]):(?:\w+|'\w+'|"\w+")/g, (name) => VARIABLES[name] ?? name)
}

describe('the statements of the playbooks', () => {
  let database: TestDatabase
  let client: pg.Client

  before(async () => {
    database = await testDatabase()
    await migrate({ url: database.url, sources: frameworkSources() })
    client = new pg.Client({ connectionString: database.adminUrl })
    await client.connect()
    await client.query(`
      CREATE TABLE repair_orders (id int PRIMARY KEY, total_minor int);
      CREATE TABLE repair_should (id int PRIMARY KEY, total_minor int);
      INSERT INTO repair_orders VALUES (1, 5), (2, 7);
      INSERT INTO repair_should VALUES (1, 5), (2, 8);`)
    const role = await client.query(`SELECT 1 FROM pg_roles WHERE rolname = 'repair_role'`)
    if (role.rows.length === 0) await client.query('CREATE ROLE repair_role')
    await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements').catch(() => {})
  })

  after(async () => {
    await client.query('DROP ROLE IF EXISTS repair_role')
    await client.end()
    await database.drop()
  })

  /** What the test server cannot do, though the statement is right. */
  const CANNOT = /pg_stat_statements must be loaded|replication slot "gone" does not exist/

  for (const { language, text, changes, at } of commands) {
    if (language !== 'sql') continue
    test(`${at}: ${text.split('\n')[0]?.slice(0, 60)}`, async () => {
      const whole = /CONCURRENTLY|ALTER SYSTEM/.test(text)
      const statements = whole ? text.split(/(?<=;)\n/) : [text]
      if (changes && !whole) await client.query('BEGIN')
      try {
        for (const statement of statements) await run(client, filled(statement))
      } finally {
        if (changes && !whole) await client.query('ROLLBACK')
        await client.query('RESET ROLE')
      }
    })
  }

  async function run(client: pg.Client, statement: string): Promise<void> {
    // Resetting what the whole server has counted, or its settings, is not for a test of many.
    if (/_reset\(\)|ALTER SYSTEM|pg_reload_conf/.test(statement)) return
    try {
      await client.query(statement)
    } catch (error) {
      assert.match((error as Error).message, CANNOT)
    }
  }

  test('the invariant of a data repair is restored by its statement', async () => {
    const repair = commands.find(({ text }) => text.startsWith('UPDATE :"table"'))
    await client.query(filled(repair?.text ?? assert.fail()))
    const { rows } = await client.query('SELECT total_minor FROM repair_orders ORDER BY id')
    assert.deepEqual(rows, [{ total_minor: 5 }, { total_minor: 8 }])
  })
})

const shells = commands.filter(({ language }) => language === 'sh')
const noBash = spawnSync('bash', ['--version']).error !== undefined

test('the shell commands of the playbooks are shell', { skip: noBash && 'no bash' }, () => {
  for (const { text, at } of shells) {
    const { status, stderr } = spawnSync('bash', ['-n', '-c', text], { encoding: 'utf8' })
    assert.equal(status, 0, `${at}: ${stderr}`)
  }
})

test('what psql has to be told first is said, as text and as a page', () => {
  const playbook = playbooks.find(({ id }) => id === 'leaked-secret') ?? assert.fail()
  const text = playbookLines(playbook, []).join('\n')
  const first = String.raw`    -- in psql, first: \set role '...'
    -- in psql, first: \set new_password '...'
      ALTER ROLE :"role" PASSWORD`
  assert.ok(text.includes(first), text)
  assert.ok(
    playbookPage(playbook).includes(String.raw`In psql, first: ${'`'}\set role '...'${'`'}`),
  )
  for (const { text, at } of commands.filter(({ language }) => language === 'sql')) {
    const unset = [...text.matchAll(/(?<![:\w]):(?:\w+|'\w+'|"\w+")/g)].filter(
      ([name]) => !settingsFor(sql(text)).includes(`\\set ${name.replaceAll(/[:'"]/g, '')} '...'`),
    )
    assert.deepEqual(unset, [], at)
  }
})
