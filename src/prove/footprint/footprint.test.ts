/** Which messages may change places: every rule once, with a pair that does and one that does not. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import pg from 'pg'
import { expectRows } from '../../database/expect-rows.ts'
import { type TestDatabase, testDatabase } from '../../testing/test-database.ts'
import { openConnection } from './connection.ts'
import { dependent, type Footprint } from './footprint.ts'
import { Statements } from './statements.ts'

const SCHEMA = `
  CREATE TABLE a (id int PRIMARY KEY, v int, email text UNIQUE);
  CREATE TABLE b (id serial PRIMARY KEY, a_id int REFERENCES a ON DELETE CASCADE, w int);
  CREATE TABLE c (b_id int REFERENCES b ON DELETE CASCADE);
  CREATE TABLE active (id int PRIMARY KEY, k int, is_on boolean);
  CREATE UNIQUE INDEX ON active (k) WHERE is_on;
  CREATE TABLE apart (id int PRIMARY KEY, v int);
  CREATE TABLE logged (id int PRIMARY KEY);
  CREATE VIEW seen AS SELECT a.v FROM a JOIN b ON b.a_id = a.id;
  CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE TRIGGER log AFTER INSERT ON logged EXECUTE FUNCTION log();
  CREATE FUNCTION anything() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM apart';
  CREATE FUNCTION behind() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN anything(); END';
  CREATE FUNCTION hidden() RETURNS text LANGUAGE plpgsql AS
    'BEGIN EXECUTE ''SELECT 1''; RETURN ''''; END';
  CREATE FUNCTION plain(n int) RETURNS int LANGUAGE sql RETURN n + length('select from apart');
  CREATE TABLE guarded (id uuid PRIMARY KEY, owner text NOT NULL DEFAULT 'me', code text UNIQUE, v int);
  ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON guarded USING (owner = current_setting('app.owner', true));
  CREATE TABLE looked_up (id int PRIMARY KEY);
  ALTER TABLE looked_up ENABLE ROW LEVEL SECURITY;
  CREATE POLICY elsewhere ON looked_up USING (id IN (SELECT id FROM apart));
`

let database: TestDatabase
let client: pg.Client
let statements: Statements

before(async () => {
  database = await testDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(SCHEMA)
})
// One text may be the reason to look at others more closely.
beforeEach(async () => {
  statements = await Statements.read(client)
})
after(async () => {
  await client.end()
  await database.drop()
})

/** The footprint of the last of some statements; those before it have been answered. */
function footprint(script: string): Footprint {
  const connection = openConnection(statements, 'read committed')
  const texts = script.split('; ')
  let open = false
  for (const text of texts.slice(0, -1)) {
    if (/^begin/i.test(text)) open = true
    if (/^(?:commit|rollback)$/i.test(text)) open = false
    connection.answered(text, [], true, open ? 'T' : 'I')
  }
  return connection.footprint(texts.at(-1) ?? '', [])
}

/** As `defer` with `rows` sends it. */
function counted(text: string): string {
  return expectRows({ text, values: [] }, 1, 0).text
}

const RR = 'BEGIN ISOLATION LEVEL REPEATABLE READ'
const SER = 'BEGIN ISOLATION LEVEL SERIALIZABLE'
const NEW_ONE = `INSERT INTO guarded (id, code, v) VALUES ('0197a000-0000-7000-8000-000000000001', 'a', 1)`
const NEW_TWO = `INSERT INTO guarded (id, code, v) VALUES ('0197a000-0000-7000-8000-000000000002', 'b', 1)`
const WRITE = 'BEGIN; UPDATE a SET v = 1 WHERE id = 1'

const pairs: readonly (readonly [rule: string, one: string, other: string, dependent: boolean])[] =
  [
    ['a read does not see what is not committed', 'SELECT v FROM a', WRITE, false],
    ['a read sees a commit', 'SELECT v FROM a', `${WRITE}; COMMIT`, true],
    ['a read does not see a rollback', 'SELECT v FROM a', `${WRITE}; ROLLBACK`, false],
    ['a read of another table does not', 'SELECT v FROM apart', `${WRITE}; COMMIT`, false],
    ['a read of another row does not', 'SELECT v FROM a WHERE id = 2', `${WRITE}; COMMIT`, false],
    ['a view is what stands behind it', 'SELECT v FROM seen', `${WRITE}; COMMIT`, true],
    ['two reads', 'SELECT v FROM a', 'SELECT v FROM a', false],
    ['an alias that is locked', 'SELECT v FROM a AS x WHERE id = 1 FOR UPDATE OF x', WRITE, true],
    ['one for another row', 'SELECT v FROM a AS x WHERE id = 2 FOR UPDATE OF x', WRITE, false],
    ['a write whose rows are counted', counted('UPDATE a SET v = 2 WHERE id = 1'), WRITE, true],
    ['one of another row', counted('UPDATE a SET v = 2 WHERE id = 2'), WRITE, false],
    ['writes of one row', 'UPDATE a SET v = 2 WHERE id = 1', WRITE, true],
    ['writes of two rows', 'UPDATE a SET v = 2 WHERE id = 2', WRITE, false],
    ['any row may be that row', 'UPDATE a SET v = 2 WHERE v = 2', WRITE, true],
    ['or is no and', 'UPDATE a SET v = 2 WHERE id = 2 OR v = 1', WRITE, true],
    ['a lock', 'BEGIN; SELECT v FROM a WHERE id = 1 FOR UPDATE', WRITE, true],
    ['share locks', 'SELECT v FROM a FOR SHARE', 'SELECT v FROM a FOR SHARE', false],
    ['a lock waits for a rollback too', 'SELECT v FROM a FOR UPDATE', `${WRITE}; ROLLBACK`, true],
    ['skipping looks at locks', 'SELECT v FROM a WHERE id = 2 FOR SHARE SKIP LOCKED', WRITE, true],
    ['new rows', 'INSERT INTO apart VALUES (1)', 'INSERT INTO apart VALUES (2)', true],
    [
      'a unique column moves',
      'UPDATE a SET email = $1 WHERE id = 1',
      'UPDATE a SET email = $1 WHERE id = 2',
      true,
    ],
    [
      'what decides a partial index moves',
      'UPDATE active SET is_on = true WHERE id = 1',
      'UPDATE active SET is_on = true WHERE id = 2',
      true,
    ],
    [
      'a foreign key looks at its parent',
      'INSERT INTO b (a_id) VALUES (1)',
      'DELETE FROM a WHERE id = 1',
      true,
    ],
    ['and lets other columns of it change', 'BEGIN; INSERT INTO b (a_id) VALUES (1)', WRITE, false],
    ['a cascade goes all the way', 'DELETE FROM a WHERE id = 1', 'DELETE FROM c', true],
    [
      'a first statement takes the snapshot',
      `${RR}; SELECT 1 FROM apart`,
      `${WRITE}; COMMIT`,
      true,
    ],
    [
      'a later one has it',
      `${RR}; SELECT 1 FROM apart; SELECT v FROM a`,
      `${WRITE}; COMMIT`,
      false,
    ],
    [
      'yet writes see what is there',
      `${RR}; SELECT 1 FROM apart; UPDATE a SET v = 3`,
      `${WRITE}; COMMIT`,
      true,
    ],
    [
      'serializable reads and writes',
      `${SER}; SELECT v FROM a`,
      `${SER}; UPDATE a SET v = 1 WHERE id = 9`,
      true,
    ],
    [
      'serializable commits',
      `${SER}; SELECT v FROM a; COMMIT`,
      `${SER}; SELECT v FROM apart`,
      true,
    ],
    [
      'advisory locks',
      'SELECT pg_try_advisory_xact_lock(1)',
      'BEGIN; SELECT pg_advisory_xact_lock(1)',
      true,
    ],
    [
      'and their end',
      'SELECT pg_try_advisory_xact_lock(1)',
      'BEGIN; SELECT pg_advisory_xact_lock(1); COMMIT',
      true,
    ],
    ['BEGIN', 'BEGIN', 'DELETE FROM a', false],
    ['a trigger may do anything', 'INSERT INTO logged VALUES (1)', 'SELECT v FROM apart', true],
    ['so may a function', 'SELECT anything()', 'SELECT v FROM apart', true],
    ['and one that calls it', 'SELECT behind()', 'SELECT v FROM apart', true],
    ['and one that runs texts', 'SELECT hidden()', 'SELECT v FROM apart', true],
    ['not one that computes', 'SELECT plain(1)', 'DELETE FROM a', false],
    ['a policy may look elsewhere', 'SELECT id FROM looked_up', 'SELECT v FROM b', true],
    ['not at its row alone', 'SELECT v FROM guarded', 'DELETE FROM a', false],
    ['new rows of other keys', NEW_ONE, NEW_TWO, false],
    ['new rows of one key', NEW_ONE, NEW_ONE, true],
    ['new rows of one code', NEW_ONE, NEW_TWO.replace("'b'", "'a'"), true],
    ['a new row and a commit of another', `BEGIN; ${NEW_ONE}`, `BEGIN; ${NEW_TWO}; COMMIT`, false],
    ['a new row and a reader', 'SELECT v FROM guarded', `BEGIN; ${NEW_TWO}; COMMIT`, true],
    ['and two statements in one', 'SELECT 1 FROM a/**/;SELECT 2', 'SELECT v FROM apart', true],
  ]

for (const [rule, one, other, expected] of pairs)
  test(rule, () => {
    const [left, right] = [footprint(one), footprint(other)]
    assert.equal(dependent(left, right), expected)
    assert.equal(dependent(right, left), expected)
  })

test('two commits change places unless the state between them is looked at', () => {
  const [one, other] = [
    footprint(`${WRITE}; COMMIT`),
    footprint('BEGIN; DELETE FROM apart; COMMIT'),
  ]
  assert.equal(dependent(one, other), false)
  assert.equal(dependent(one, other, { watched: true }), true)
})

test('two serializable transactions alone: only what stands between them is looked at', () => {
  const commit = footprint(`${SER}; SELECT v FROM a; COMMIT`)
  const elsewhere = footprint(`${SER}; SELECT v FROM apart`)
  const writer = footprint(`${SER}; UPDATE a SET v = 1 WHERE id = 1; SELECT v FROM apart`)
  assert.equal(dependent(commit, elsewhere, { pair: true }), false)
  assert.equal(dependent(commit, writer, { pair: true }), true)
  const read = footprint(`${SER}; SELECT v FROM b; SELECT v FROM a`)
  assert.equal(dependent(read, writer), true)
  assert.equal(dependent(read, writer, { pair: true }), false)
  const write = footprint(`${SER}; UPDATE a SET v = 1 WHERE id = 1`)
  assert.equal(dependent(read, write, { pair: true }), true)
})
