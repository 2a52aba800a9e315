import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'libpg-query'
import { splitStatements } from './split-statements.ts'

/** Each is one statement to Postgres, and holds a semicolon or a quote where it must not cut. */
const TRICKY = [
  'SELECT 1',
  `SELECT 'a;b', 'it''s; fine', "semi;""colon" FROM (SELECT 1 AS "semi;""colon") t`,
  `SELECT E'quote \\'; not the end', e'\\\\', 'plain \\'`,
  `SELECT U&'d\\0061t;a', B'01', X'1F', N'n;'`,
  `SELECT $$body; with ' and " and -- no comment$$`,
  'SELECT $a$ $b$ ; $b$ $$ ; $$ $a$',
  'SELECT $tag_1$;$tag_1$::text',
  'SELECT 1 /* ; /* nested ; */ still ; */ + 2 -- tail ; here',
  'CREATE TABLE a$b (c$d int, "e$$f" text)',
  'CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); INSERT INTO u VALUES (2))',
  'CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 ELSE 3 END; END',
  'CREATE OR REPLACE PROCEDURE p() LANGUAGE sql begin atomic INSERT INTO t VALUES (1); end',
  'CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$',
  'CREATE FUNCTION h() RETURNS int LANGUAGE sql RETURN 1',
  `DO $do$ BEGIN EXECUTE format('SELECT %L;', $q$;$q$); END $do$`,
  'SELECT a[1:2], b.c, 1.5e3, .5, 1e-3 FROM d',
  `COMMENT ON TABLE t IS 'größe; 🐘'`,
  `SELECT 'two parts;'\n  'one string;'`,
  'ALTER TABLE t ADD COLUMN "begin" int, ADD COLUMN "end" int',
  'WITH x AS (SELECT 1) SELECT * FROM x',
]

/** `$1` alone is no dollar quote: it only parses inside PREPARE. */
const PARAMETERS = 'PREPARE s (int) AS SELECT $1 + $1'

const statement = fc.constantFrom(...TRICKY, PARAMETERS)
const gap = fc.constantFrom('', ' ', '\n\n', '-- a comment; with one\n', '/* b; */', ';', '\n;;\n')

test('each tricky statement is one statement to Postgres as well', async () => {
  for (const text of [...TRICKY, PARAMETERS]) {
    assert.equal((await parse(text)).stmts?.length, 1, text)
  }
})

test('a file is cut into the statements it was put together from', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(statement, gap), { maxLength: 8 }), (parts) => {
      const text = parts.map(([sql, between]) => `${between}${sql}\n;`).join('')
      const cut = splitStatements(text)
      assert.deepEqual(
        cut.map((found) => withoutTail(found.text)),
        parts.map(([sql]) => withoutTail(sql)),
      )
      for (const found of cut) {
        assert.equal(text.slice(found.offset, found.offset + found.text.length), found.text)
        assert.equal(text[found.end - 1], ';')
      }
    }),
  )
})

/** A trailing line comment belongs to no statement. */
function withoutTail(sql: string): string {
  return sql.replace(/ -- tail.*$/, '')
}

test('what Postgres would refuse ends the file as one statement', () => {
  for (const text of [`SELECT 'open; `, 'SELECT $$open;', 'SELECT /* open;', 'SELECT "open;']) {
    assert.equal(splitStatements(text).length, 1, text)
  }
})

test('comments alone are no statement', () => {
  assert.deepEqual(splitStatements('-- nothing\n/* here */ ;; \n'), [])
})

test('the words of a statement are its unquoted ones, upper case', () => {
  const [found] = splitStatements('create unique /* x */ index "On" on t (a);')
  assert.deepEqual(found?.words, ['CREATE', 'UNIQUE', 'INDEX', 'ON', 'T', 'A'])
})
