import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { loadQueryParser, type QueryParser } from './guard/query-parser.ts'
import { factsOf, readFacts } from './statement-facts.ts'

let parse: QueryParser

before(async () => {
  parse = await loadQueryParser()
})

const STATEMENTS = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'] as const

/** What the server's grammar says is written: `schema.table`, sorted. */
function writesByGrammar(text: string): string[] {
  const tree = parse(text)
  assert.ok(tree !== undefined, `does not parse: ${text}`)
  const found: string[] = []
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, value] of Object.entries(node)) {
      if ((STATEMENTS as readonly string[]).includes(key)) found.push(nameOf(value.relation))
      if (key === 'TruncateStmt') {
        for (const each of value.relations) found.push(nameOf(each.RangeVar))
      }
      if (key === 'CopyStmt' && value.is_from) found.push(nameOf(value.relation))
      visit(value)
    }
  }
  visit(tree)
  return found.sort()
}

function nameOf(relation: { schemaname?: string; relname: string }): string {
  return `${relation.schemaname ?? ''}.${relation.relname}`
}

function writesByFacts(text: string): string[] {
  return readFacts(text)
    .writes.map(({ schema, table }) => `${schema ?? ''}.${table}`)
    .sort()
}

const KINDS: Record<string, string> = {
  SelectStmt: 'select',
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'merge',
  TransactionStmt: 'transaction',
  DiscardStmt: 'session',
  ListenStmt: 'session',
  UnlistenStmt: 'session',
  DeallocateStmt: 'session',
  LoadStmt: 'session',
}

function kindByGrammar(text: string): string {
  const [type = '', body] = Object.entries(parse(text) ?? {})[0] ?? []
  if (type !== 'VariableSetStmt') return KINDS[type] ?? 'other'
  const { is_local, name } = body as { is_local?: boolean; name?: string }
  return is_local || name === 'TRANSACTION' ? 'other' : 'session'
}

function agree(text: string): void {
  assert.deepEqual(writesByFacts(text), writesByGrammar(text), text)
  assert.equal(readFacts(text).kind, kindByGrammar(text), text)
}

const CORPUS = [
  'SELECT 1',
  'select delete from t',
  'SELECT f(x) delete FROM t',
  'SELECT t.delete FROM t, (SELECT update FROM u) insert',
  'SELECT merge, truncate, copy FROM t FOR UPDATE',
  'SELECT * FROM t FOR NO KEY UPDATE OF t SKIP LOCKED',
  'SELECT substring(delete FROM pos) FROM t',
  `SELECT 'x; DELETE FROM t' AS "insert into u"`,
  `SELECT E'\\'; DELETE FROM t --' FROM u`,
  `SELECT 'it''s', $q$ DELETE FROM t $q$, $$ 'x $$ FROM u`,
  `SELECT U&'\\0061', B'01', X'ff', N'x' FROM u`,
  'SELECT * FROM json_to_record($1) AS (update text, delete int, "set" text)',
  'SELECT a FROM t WINDOW delete AS (PARTITION BY b)',
  'VALUES (1), (2)',
  'TABLE t',
  '(SELECT 1) UNION (SELECT 2)',
  '((SELECT delete FROM t))',
  '(WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a)',
  'INSERT INTO t DEFAULT VALUES',
  'insert/**/into/* a /* nested */ b */"T"(a)values($1)',
  'INSERT INTO Shop.Orders AS o (a) SELECT delete FROM u ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING *',
  'INSERT INTO "a.b"."c""d" VALUES (1)',
  'INSERT INTO db.s.t VALUES (1)',
  'INSERT INTO U&"d\\0061t\\+000061" VALUES (1)',
  'UPDATE t SET a = 1',
  'UPDATE ONLY t SET a = 1',
  'UPDATE ONLY (t) SET a = 1',
  'UPDATE s.t * AS x SET a = (SELECT delete FROM u) FROM v WHERE x.a = v.a',
  'DELETE FROM t',
  'DELETE FROM ONLY s.t USING u WHERE t.a = u.a RETURNING t.*',
  'MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (a) VALUES (u.a)',
  'MERGE INTO ONLY s.t AS x USING u ON true WHEN MATCHED THEN UPDATE SET a = 1',
  'TRUNCATE t',
  'TRUNCATE TABLE ONLY a, s.b *, "C" RESTART IDENTITY CASCADE',
  'TRUNCATE ONLY (a), ONLY b',
  'COPY t (a, b) FROM STDIN',
  'COPY s.t TO STDOUT',
  'COPY BINARY t FROM STDIN',
  'COPY (SELECT delete FROM t) TO STDOUT',
  'COPY (DELETE FROM t RETURNING a) TO STDOUT',
  'WITH a AS (SELECT 1) SELECT * FROM a',
  'WITH a AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM a',
  'WITH a (x, y) AS MATERIALIZED (UPDATE t SET a = 1 RETURNING a, b), b AS NOT MATERIALIZED (SELECT 1) DELETE FROM u USING a',
  'WITH insert AS (SELECT 1), delete AS (DELETE FROM t) UPDATE u SET a = 1',
  'WITH recursive AS (DELETE FROM t RETURNING *) SELECT * FROM recursive',
  'WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c TO true DEFAULT false USING p, d AS (DELETE FROM t) INSERT INTO u SELECT * FROM r',
  'WITH a AS ((SELECT (1))), b AS (DELETE FROM t) SELECT 1',
  'WITH a AS (WITH b AS (SELECT 1) INSERT INTO t SELECT * FROM b RETURNING *) SELECT * FROM a',
  'WITH a AS (SELECT $1::text AS x) MERGE INTO t USING a ON true WHEN MATCHED THEN DO NOTHING',
  'EXPLAIN DELETE FROM t',
  'EXPLAIN ANALYZE VERBOSE INSERT INTO t VALUES (1)',
  'EXPLAIN (ANALYZE, BUFFERS) WITH a AS (DELETE FROM t) SELECT 1',
  'CREATE TABLE x AS WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a',
  'CREATE TABLE x (delete int, update text)',
  'PREPARE p (int, text) AS INSERT INTO t VALUES ($1, $2)',
  'LOCK TABLE t',
  'CREATE INDEX i ON t (delete)',
  'GRANT INSERT, UPDATE ON t TO u',
  '-- DELETE FROM t\rSELECT 1',
  '-- DELETE FROM t\nDELETE FROM u',
  'SELECT 1 AS "-- no comment" /* x */ FROM t',
  'UPDATE größe SET a = 1',
  'UPDATE GRÖSSE SET a = 1',
  `UPDATE ${'a'.repeat(70)} SET a = 1`,
  `UPDATE "${'ä'.repeat(40)}" SET a = 1`,
  'SELECT a$b$c FROM t',
  'SELECT $1$x$DELETE FROM t$x$',
  'DO $$ BEGIN DELETE FROM t; END $$',
  'CALL p(1)',
  'BEGIN',
  'START TRANSACTION READ ONLY',
  '/* now */ commit',
  'END',
  'ROLLBACK',
  'ABORT',
  'SAVEPOINT s',
  'RELEASE s',
  'ROLLBACK TO s',
  `PREPARE TRANSACTION 'p'`,
  `COMMIT PREPARED 'p'`,
  'SET search_path = x',
  'SET SESSION search_path = x',
  `SET ROLE x`,
  'SET LOCAL search_path = x',
  'SET CONSTRAINTS ALL IMMEDIATE',
  'SET TRANSACTION READ ONLY',
  'RESET ALL',
  'DISCARD ALL',
  'LISTEN x',
  'UNLISTEN *',
  'DEALLOCATE p',
]

test('what is written agrees with the grammar of the server', async (t) => {
  for (const text of CORPUS) {
    // Of these the last grammar says that they are errors; old servers take the first reading.
    if (parse(text) === undefined) t.diagnostic(`does not parse: ${text}`)
    else agree(text)
  }
})

const bare = fc.constantFrom('t', 'Orders', 'delete', 'update', 'insert', 'x$y', 'größe', 'search')
const quoted = fc
  .string({ unit: fc.constantFrom('a', 'B', '"', "'", '.', ' ', '$', '-', '/*', '--', '(', 'ß') })
  .filter((name) => name.length > 0)
  .map((name) => `"${name.replaceAll('"', '""')}"`)
const name = fc.oneof(bare, quoted)
const table = fc.oneof(
  name,
  fc.tuple(name, name).map((parts) => parts.join('.')),
)
const space = fc.constantFrom(
  ' ',
  '\n',
  '\t',
  '\r\n',
  '/* a */',
  "/* ( /* ) */ ' */",
  '--\n',
  ' -- x (\n',
)
const literal = fc.constantFrom(
  `'a'`,
  `'it''s ('`,
  `E'\\' )('`,
  '$$ ) DELETE FROM x $$',
  `$q$ ' $$ $q$`,
  '$1',
  '1.5e3',
  `'-- '`,
  `'/*'`,
)

/** Statements and expressions with gaps that are filled with space and comments. */
const sentence = fc.letrec<{ select: string; write: string; query: string; expression: string }>(
  (tie) => ({
    expression: fc.oneof(
      { depthSize: 'small' },
      literal,
      name,
      fc.tuple(name, tie('expression')).map(([f, x]) => `${f} ( ${x} )`),
      tie('select').map((query) => `( ${query} )`),
      tie('expression').map((x) => `CASE WHEN ${x} IS NULL THEN 1 END`),
    ),
    select: fc.oneof(
      { depthSize: 'small' },
      fc.tuple(tie('expression'), name, table).map(([x, a, t]) => `SELECT ${x} AS ${a} FROM ${t}`),
      fc.tuple(name, table).map(([c, t]) => `SELECT ( ${c} ) FROM ${t} FOR UPDATE`),
      tie('expression').map((x) => `VALUES ( ${x} )`),
      fc.tuple(tie('select'), tie('select')).map(([a, b]) => `( ${a} ) UNION ALL ( ${b} )`),
    ),
    write: fc.oneof(
      fc.tuple(table, tie('select')).map(([t, q]) => `INSERT INTO ${t} ${q}`),
      fc
        .tuple(table, name, tie('expression'))
        .map(([t, c, x]) => `INSERT INTO ${t} ( ${c} ) VALUES ( ${x} ) ON CONFLICT DO NOTHING`),
      fc
        .tuple(table, name, tie('expression'))
        .map(([t, c, x]) => `UPDATE ONLY ${t} SET ${c} = ${x} RETURNING *`),
      fc.tuple(table, tie('expression')).map(([t, x]) => `DELETE FROM ${t} WHERE ${x} IS NULL`),
      fc
        .tuple(table, table)
        .map(([t, u]) => `MERGE INTO ${t} USING ${u} ON true WHEN MATCHED THEN DELETE`),
    ),
    query: fc.oneof(
      tie('select'),
      tie('write'),
      fc
        .tuple(
          fc.array(fc.tuple(name, fc.oneof(tie('write'), tie('select'), tie('query'))), {
            minLength: 1,
            maxLength: 3,
          }),
          fc.oneof(tie('select'), tie('write')),
          fc.constantFrom('AS', 'AS MATERIALIZED', 'AS NOT MATERIALIZED'),
        )
        .map(([list, main, as]) => {
          const queries = list.map(([n, query]) => `${n} ${as} ( ${query} )`)
          return `WITH ${queries.join(' , ')} ${main}`
        }),
      tie('write').map((write) => `EXPLAIN ${write}`),
      tie('select').map((query) => `( ${query} )`),
    ),
  }),
).query

test('so it does for statements that nobody would write', () => {
  const spaced = fc.tuple(sentence, fc.array(space, { minLength: 1 })).map(([text, gaps]) => {
    let gap = 0
    // Blanks inside quotes are part of what is quoted.
    const words = text.match(
      /'(?:[^'\\]|\\.|'')*'|\$(q?)\$.*?\$\1\$|"(?:[^"]|"")*"|[^ '"$]+|\S| /gs,
    )
    return (words ?? [])
      .map((word) => (word === ' ' ? (gaps[gap++ % gaps.length] as string) : word))
      .join('')
  })
  let compared = 0
  fc.assert(
    fc.property(spaced, (text) => {
      if (parse(text) === undefined) return
      compared++
      agree(text)
    }),
    { numRuns: 3_000 },
  )
  assert.ok(compared > 1_500, `${compared} of 3000 parsed`)
})

test('it ends on any text', () => {
  const piece = fc.constantFrom(
    '(',
    ')',
    "'",
    '"',
    '/*',
    '*/',
    '--',
    '$$',
    'with',
    'as',
    'insert',
    ' ',
    'a',
    ',',
    '\n',
    "E'",
    'set',
    'search',
    '.',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      readFacts(pieces.join(''))
    }),
    { numRuns: 2_000 },
  )
})

test('facts are computed once for a text, and the set of texts is bounded', () => {
  const text = 'UPDATE once SET a = 1'
  assert.equal(factsOf(text), factsOf(text))
  for (let n = 0; n < 4096; n++) factsOf(`SELECT ${n}`)
  assert.notEqual(factsOf(text), undefined)
  const first = factsOf('DELETE FROM pushed_out')
  for (let n = 0; n < 4096; n++) factsOf(`SELECT -${n}`)
  assert.notEqual(factsOf('DELETE FROM pushed_out'), first)
})
