/**
 * Programs that each rest on one rule of the reduction: with the rule left out, an outcome is missed.
 */
import { hiddenPrograms } from './hidden-programs.ts'
import type { Program, SessionProgram } from './program.ts'
import {
  add,
  advisory,
  auto,
  count,
  double,
  lock,
  nowait,
  rc,
  read,
  rr,
  ser,
  session,
  undone,
} from './sessions.ts'

const sessionsByTitle: Readonly<Record<string, readonly SessionProgram[]>> = {
  'a commit between two reads': [rc(read(1), read(1)), rc(add(1))],
  'a statement alone between two reads': [rc(read(1), read(1)), auto(add(1))],
  'the snapshot of a first read elsewhere': [rr(read(1), read(2)), rc(add(2))],
  'the snapshot, and a statement alone': [rr(read(1), read(2)), auto(add(2))],
  'the snapshot of a SERIALIZABLE reader': [ser(read(1), read(2)), rc(add(2))],
  'writes that do not commute': [rc(add(1)), rc(double(1))],
  'writes alone that do not commute': [auto(add(1)), auto(double(1))],
  'a write behind a snapshot': [rr(read(2), add(1)), auto(add(1))],
  'a lock behind a snapshot': [rr(read(2), lock(1, 'SHARE')), auto(add(1))],
  'two write skews': [rr(read(1), add(2)), rr(read(2), double(1))],
  'write skew at SERIALIZABLE': [ser(read(1), add(2)), ser(read(2), add(1))],
  'a pivot of three': [ser(read(1), add(2)), ser(add(1)), ser(read(2))],
  'serializable, and undone': [
    session(
      'serializable',
      [
        'UPDATE r SET v = (SELECT sum(v) FROM c) WHERE id = 1',
        'SELECT count(*) FROM r WHERE v > 14',
        'SELECT id FROM r ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED',
      ],
      'ROLLBACK',
    ),
    ser(nowait(2), 'DELETE FROM c WHERE id = 1', 'SELECT count(*) FROM r WHERE v > 11'),
  ],
  'a reader that only looks': [ser(count('r')), ser(read(1), add(2)), rc(add(1))],
  'a predicate at SERIALIZABLE': [
    ser(count('c'), 'INSERT INTO c VALUES (4, 1, 1)'),
    ser(count('c'), 'INSERT INTO c VALUES (5, 2, 1)'),
  ],
  'a range that rows move into': [
    rc('UPDATE r SET v = v * 2 WHERE v > 15'),
    rc('UPDATE r SET v = 16 WHERE id = 1'),
  ],
  'a count and a new row': [rc(count('r'), count('r')), auto('INSERT INTO r VALUES (4, 1)')],
  'a count and a row that goes': [rc(count('c'), count('c')), auto('DELETE FROM c WHERE id = 1')],
  'one key for two new rows': [
    rc('INSERT INTO r VALUES (4, 1)'),
    rc('INSERT INTO r VALUES (4, 2)'),
  ],
  'one unique value for two rows': [
    rc('INSERT INTO r VALUES (4, 1, 9)'),
    rc('INSERT INTO r VALUES (5, 2, 9)'),
  ],
  'a unique value that two updates want': [
    rc('UPDATE r SET u = 9 WHERE id = 1'),
    rc('UPDATE r SET u = 9 WHERE id = 2'),
  ],
  'a unique value that becomes free': [
    rc('UPDATE r SET u = 7 WHERE id = 1'),
    auto('INSERT INTO r VALUES (4, 1, 1)'),
  ],
  'ON CONFLICT DO NOTHING': [
    rc('INSERT INTO r VALUES (4, 1) ON CONFLICT DO NOTHING'),
    rc('INSERT INTO r VALUES (4, 2) ON CONFLICT DO NOTHING', read(4)),
  ],
  'upsert and delete': [
    rc('INSERT INTO r VALUES (3, 1) ON CONFLICT (id) DO UPDATE SET v = r.v + 1'),
    auto('DELETE FROM r WHERE id = 3'),
  ],
  'a child and the end of its parent': [
    rc('INSERT INTO c VALUES (4, 1, 1)'),
    auto('DELETE FROM r WHERE id = 1'),
  ],
  'a child alone, and the end of its parent': [
    auto('INSERT INTO c VALUES (4, 1, 1)'),
    auto('DELETE FROM r WHERE id = 1'),
  ],
  'a child and the key of its parent': [
    rc('INSERT INTO c VALUES (4, 3, 1)'),
    rc('UPDATE r SET id = 7 WHERE id = 3'),
  ],
  'a cascade and those who look at it': [
    auto('DELETE FROM r WHERE id = 1'),
    rc(count('c'), count('c')),
  ],
  'a cascade that goes on': [auto('DELETE FROM c WHERE id = 1'), auto(count('l'), count('l'))],
  'a child that moves': [rc('UPDATE c SET r = 2 WHERE id = 1'), auto('DELETE FROM r WHERE id = 2')],
  'KEY SHARE and the end of a row': [rc(lock(3, 'KEY SHARE')), auto('DELETE FROM r WHERE id = 3')],
  'KEY SHARE and NOWAIT': [rc(lock(1, 'KEY SHARE')), auto(nowait(1))],
  'SHARE and an update': [rc(lock(1, 'SHARE'), read(1)), rc(add(1))],
  'SHARE, and NO KEY UPDATE without waiting': [
    rc(lock(1, 'SHARE')),
    auto(lock(1, 'NO KEY UPDATE NOWAIT')),
  ],
  'a lock that is given back unused': [undone(add(1)), auto(nowait(1))],
  'a lock, and who skips it': [
    rc(lock(1, 'UPDATE')),
    auto('SELECT id FROM r ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED'),
  ],
  'a lock that a savepoint gives back': [
    rc('SAVEPOINT p', add(1), 'ROLLBACK TO p'),
    auto(nowait(1), nowait(1)),
  ],
  'an advisory lock and what it guards': [rc(advisory, read(1)), rc(advisory, add(1))],
  'an advisory lock that is tried': [rc(advisory), auto('SELECT pg_try_advisory_xact_lock(1)')],
  'an advisory lock of the session': [
    auto('SELECT 1 FROM pg_advisory_lock(1)', 'SELECT pg_advisory_unlock(1)'),
    auto('SELECT pg_try_advisory_xact_lock(1)'),
  ],
  'what a view shows': [
    auto(count('large'), count('large')),
    auto('UPDATE r SET v = 40 WHERE id = 1'),
  ],
  'what a trigger writes': [auto('UPDATE w SET v = v + 1'), rc(count('log'), count('log'))],
  'what a trigger reads': [auto('UPDATE w SET v = 9'), rc('DELETE FROM log', 'UPDATE w SET v = 3')],
  'a check at the commit': [rc('INSERT INTO d VALUES (4, 4)'), auto('INSERT INTO r VALUES (4, 1)')],
  'a check at the commit, and the end of a row': [
    rc('INSERT INTO d VALUES (4, 3)'),
    auto('DELETE FROM r WHERE id = 3'),
  ],
  'numbers of a sequence': [
    auto(`SELECT nextval('s') % 2 AS odd`),
    auto(`SELECT nextval('s') % 2 AS odd`),
  ],
  'numbers of a sequence, one between two': [
    auto(`SELECT nextval('s') % 2 AS odd`, `SELECT nextval('s') % 2 AS odd`),
    auto(`SELECT nextval('s') % 2 AS odd`),
  ],
  'numbers that two tables draw from one sequence': [
    auto('INSERT INTO n1 (id) VALUES (1)', 'INSERT INTO n1 (id) VALUES (2)'),
    auto('INSERT INTO n2 (id) VALUES (1)'),
  ],
  'a partial unique index that rows move into': [
    rc('UPDATE x SET active = true WHERE id = 1'),
    rc('UPDATE x SET active = true WHERE id = 2'),
  ],
  'a unique value that is computed': [
    rc('UPDATE p SET u = 7 WHERE id = 1'),
    rc('UPDATE p SET u = 7 WHERE id = 2'),
  ],
  'a cascade that meets a trigger': [
    auto('DELETE FROM r WHERE id = 1'),
    rc(count('log'), count('log')),
  ],
  'a name that hides a table': [
    auto('WITH r AS (SELECT v FROM r WHERE id = 1) SELECT v FROM r', read(1)),
    auto(add(1)),
  ],
  'a setting that changes the level': [
    rc(`SELECT set_config('transaction_isolation', 'repeatable read', true)`, read(1), read(2)),
    auto(add(2)),
  ],
  'a block of code': [
    auto('DO $$ BEGIN UPDATE r SET v = v * 2 WHERE id = 1; END $$'),
    rc(read(1), add(1)),
  ],
  'a block of code in a transaction': [
    rc('DO $$ BEGIN UPDATE r SET v = v * 2 WHERE id = 1; END $$', read(2)),
    auto('SELECT id FROM r WHERE id = 1 FOR UPDATE SKIP LOCKED'),
  ],
  'a function of the user': [auto('SELECT doubled(1)'), rc(read(1), add(1))],
  'a table that is locked': [rc('LOCK TABLE r IN SHARE MODE', read(1)), auto(add(1))],
  'rows that come from rows': [auto('INSERT INTO g (v) SELECT v FROM r WHERE id = 1'), rc(add(1))],
  'a value from a subquery': [
    auto('UPDATE r SET v = (SELECT sum(v) FROM c) WHERE id = 1'),
    auto('UPDATE c SET v = v + 1 WHERE id = 1'),
  ],
  'a row that goes and another that comes': [
    auto(
      'WITH gone AS (DELETE FROM r WHERE id = 3 RETURNING v) INSERT INTO g (v) SELECT v FROM gone',
    ),
    rc(double(3)),
  ],
  'what a trigger of a new row writes': [
    auto('INSERT INTO w VALUES (2, 5)'),
    rc(count('log'), count('log')),
  ],
  'a view that shows one row of many': [
    rc('SELECT v FROM total WHERE id = 1', 'SELECT v FROM total WHERE id = 1'),
    auto(add(2)),
  ],
  'a write through a view': [auto('UPDATE renamed SET v = 5 WHERE id = 1'), auto(read(1), read(1))],
  'two writes through a view': [
    auto('UPDATE renamed SET mark = 9 WHERE id = 1'),
    auto('UPDATE renamed SET mark = 9 WHERE id = 2'),
  ],
  'a row that is named behind a change of all': [
    auto(
      'WITH changed AS (UPDATE r SET v = v * 2 RETURNING id) SELECT 1 FROM changed WHERE id = 1',
    ),
    auto(add(2)),
  ],
  'one row, or another': [auto('UPDATE r SET v = v * 2 WHERE id = 1 OR v > 15'), auto(add(2))],
  'a row that is named in another list': [
    auto('UPDATE r SET v = v * 2 FROM generate_series(1, 3) AS t (id) WHERE t.id = 1'),
    auto(add(2)),
  ],
  'columns that are called otherwise': [
    rc(
      'SELECT v FROM r AS t (n, id, v) WHERE id = 21',
      'SELECT n FROM r AS t (n, id) WHERE id = 21',
    ),
    auto(add(2)),
  ],
  'numbers that are drawn by DEFAULT': [
    auto('UPDATE e SET n = DEFAULT WHERE id = 1'),
    auto('UPDATE e SET n = DEFAULT WHERE id = 2'),
  ],
  'a number that belongs to a table': [
    auto(`SELECT nextval('g_id_seq') % 2 AS odd`),
    auto('INSERT INTO g (v) VALUES (1)'),
  ],
  'a function in the place of a column': [
    auto('SELECT r.worth FROM r WHERE id = 1', 'SELECT r.worth FROM r WHERE id = 1'),
    auto('UPDATE c SET v = v + 1 WHERE id = 1'),
  ],
  'a level that a function sets': [
    auto(
      `SELECT set_config('default_transaction_isolation', 'repeatable read', false)`,
      read(2),
      'BEGIN',
      read(1),
      read(2),
      'COMMIT',
    ),
    auto(add(2)),
  ],
  'a level that is set for the session': [
    auto(
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      read(2),
      'BEGIN',
      read(1),
      read(2),
      'COMMIT',
    ),
    auto(add(2)),
  ],
  'a level that is set in the transaction': [
    rc('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', read(1), read(2)),
    auto(add(2)),
  ],
  'rows as they lie': [
    auto(add(1)),
    auto(add(2)),
    auto('SELECT id, (SELECT sum(v) FROM r) AS total FROM r OFFSET 2'),
  ],
  'a list of rows as they lie': [
    auto(add(1)),
    auto(add(2)),
    auto(`SELECT string_agg(id::text, ',') FROM r`),
  ],
  'a default that reads': [auto('INSERT INTO h (id) VALUES (1)'), auto(add(1))],
  'rows that another table hides': [
    auto(count('few'), count('few')),
    auto('UPDATE c SET v = 0 WHERE id = 2'),
  ],
  'a sequence that is set': [
    auto(`SELECT setval('s', 5) > 0 AS done`),
    auto(`SELECT nextval('s') AS number`),
  ],
  'a state between two that commute': [auto(add(1)), auto(add(2))],
  'a failure that gives a lock back': [rc(add(1), 'SELECT 1 / 0'), auto(nowait(1))],
  'a failure, and who skips the lock': [
    rc(add(3), 'INSERT INTO e VALUES (1, 0)'),
    auto('SELECT id FROM r WHERE id = 3 FOR UPDATE SKIP LOCKED'),
  ],
  'a failure of the session that gives a lock back': [
    rc(add(1), 'RELEASE nowhere'),
    auto(nowait(1)),
  ],
  ...hiddenPrograms,
  'two locks, crossed': [rc(add(1), double(2)), rc(add(2), double(1))],
}

const never: Readonly<Record<string, string>> = {
  'a state between two that commute':
    'SELECT FROM r one, r two WHERE one.id = 1 AND one.v = 10 AND two.id = 2 AND two.v = 21',
}

/** Their numbers are below zero: generated programs have those above. */
export const directed: readonly (Program & { readonly title: string })[] = Object.entries(
  sessionsByTitle,
).map(([title, sessions], index) => ({
  title,
  seed: -1 - index,
  sessions,
  ...(never[title] && { never: never[title] }),
}))
