/**
 * Programs that each rest on something which a text does not show, or not at once: what stands in an
 * index, what a name means, and the order in which rows lie.
 */
import type { SessionProgram } from './program.ts'
import { add, advisory, auto, double, lock, nowait, rc, read, rr, ser, sum } from './sessions.ts'

const NOTHING = 'INSERT INTO nothing (id, k) VALUES ($1, $2)'
const CROSSTAB = `SELECT * FROM crosstab('SELECT 1, 1, v::text FROM r WHERE id = 1') AS t (a int, b text)`

/** Which of these rows lies before the other is a matter of who is changed first. */
const disordered = [auto(add(1)), auto(add(2))]

/** By title. */
export const hiddenPrograms: Readonly<Record<string, readonly SessionProgram[]>> = {
  'rows that differ in what an index carries along': [
    rc('INSERT INTO carried (k, v) VALUES (5, 1)'),
    rc('INSERT INTO carried (k, v) VALUES (5, 2)'),
  ],
  'a key that is given, and one that is left out': [
    rc('INSERT INTO defaulted (a, b) VALUES (1, 5)'),
    rc('INSERT INTO defaulted (b) VALUES (5)'),
  ],
  'letters that an index takes for equal': [
    rc(`INSERT INTO folded (word, v) VALUES ('a', 1)`),
    rc(`INSERT INTO folded (word, v) VALUES ('A', 2)`),
  ],
  'one word for two new rows': [
    rc(`INSERT INTO words (word, v) VALUES ('a', 1)`),
    rc(`INSERT INTO words (word, v) VALUES ('b', 2), ('a'::text, 2)`),
  ],
  'a cast that cuts': [
    rc(`INSERT INTO words (word, v) VALUES ('ab', 1)`),
    rc(`INSERT INTO words (word, v) VALUES ('abc'::varchar(2), 2)`),
  ],
  'a number in the place of a word': [
    rc(`INSERT INTO words (word, v) VALUES ('7', 1)`),
    rc(`INSERT INTO words (word, v) VALUES ('07'::int, 2)`),
  ],
  'blanks that are cut off': [
    rc(`INSERT INTO short (word, v) VALUES ('ab', 1)`),
    rc(`INSERT INTO short (word, v) VALUES ('ab ', 2)`),
  ],
  'a unique value of an expression': [
    rc('INSERT INTO tens (k) VALUES (11)'),
    rc('INSERT INTO tens (k) VALUES (12)'),
  ],
  'values that exclude each other': [
    rc('INSERT INTO alike (id, k) VALUES (1, 1)'),
    rc('INSERT INTO alike (id, k) VALUES (2, 2)'),
  ],
  'two rows with nothing': [
    { ...rc(), statements: [{ text: NOTHING, values: [1, null] }] },
    { ...rc(), statements: [{ text: NOTHING, values: [2, null] }] },
  ],
  'a new row, and the end of another': [
    rc(`INSERT INTO words (word, v) VALUES ('a', 1)`),
    auto(`INSERT INTO words (word, v) VALUES ('a', 2)`, `DELETE FROM words WHERE word = 'a'`),
  ],
  'new rows in the order of their numbers': [
    auto('INSERT INTO counted (k) VALUES (5)'),
    auto('INSERT INTO counted (k) VALUES (6)'),
    auto(
      'SELECT k, (SELECT count(*) FROM counted) FROM counted WHERE n = (SELECT min(n) FROM counted)',
    ),
  ],
  'the log, and who goes by its positions': [
    rc('INSERT INTO holdfast.events (v) VALUES (1)'),
    auto('INSERT INTO holdfast.events (v) VALUES (2)'),
    auto(`SELECT string_agg(v::text, ',' ORDER BY position) FROM holdfast.events`),
  ],
  'a serializable transaction behind another': [
    auto(
      'BEGIN ISOLATION LEVEL SERIALIZABLE',
      'UPDATE x SET k = 7 WHERE id = 1',
      'COMMIT',
      'SELECT 1 FROM pg_advisory_lock(1)',
      'BEGIN ISOLATION LEVEL SERIALIZABLE',
      'SELECT n FROM e WHERE id = 1',
    ),
    ser(
      'UPDATE e SET n = 1 WHERE id = 1',
      'SELECT pg_try_advisory_xact_lock(1)',
      'SELECT k FROM x WHERE id = 1',
    ),
  ],
  'a lock that reads at SERIALIZABLE': [
    ser(lock(1, 'KEY SHARE'), 'UPDATE e SET n = 1 WHERE id = 1'),
    ser('SELECT n FROM e WHERE id = 1 FOR KEY SHARE', add(1)),
  ],
  'a function that reads': [auto('SELECT summed()', 'SELECT summed()'), auto(add(1))],
  'a function whose name has capitals': [auto('SELECT "doubleIt"(1)'), rc(read(1), add(1))],
  'a function that calls one whose name has capitals': [
    auto('SELECT doubled_by_name(1)'),
    rc(read(1), add(1)),
  ],
  'a function that calls one whose name is no word': [
    auto('SELECT doubled_by_odd_name(1)'),
    rc(read(1), add(1)),
  ],
  'a function that calls another': [auto('SELECT doubled_behind(1)'), rc(read(1), add(1))],
  'what an argument is by default': [
    auto('SELECT total_by_default()', 'SELECT total_by_default()'),
    auto(add(1)),
  ],
  'a view that is made anew': [auto('SELECT refreshed()'), auto(add(1), 'SELECT v FROM sums')],
  'a quote that ends no string': [
    auto('SELECT behind_escapes()', 'SELECT behind_escapes()'),
    auto(add(1)),
  ],
  'a quote in a comment': [
    auto('SELECT behind_comments()', 'SELECT behind_comments()'),
    auto(add(1)),
  ],
  'a function of an extension': [auto(CROSSTAB, CROSSTAB), auto(add(1))],
  'a view of the first row': [...disordered, rr('SELECT id FROM one_row', sum)],
  'a view that locks': [rc('SELECT v FROM locked'), auto(nowait(1))],
  'a view that draws a number': [auto('SELECT n FROM numbered'), auto('SELECT n FROM numbered')],
  'a view of the locks of others': [
    rc(advisory),
    auto('SELECT n FROM locks WHERE id = 1', 'SELECT n FROM locks WHERE id = 1'),
  ],
  'an array of rows as they lie': [...disordered, auto('SELECT ARRAY(SELECT id FROM r)')],
  'a JSON array of rows as they lie': [...disordered, auto('SELECT JSON_ARRAYAGG(id) FROM r')],
  'rows that are numbered as they lie': [
    ...disordered,
    auto(
      'SELECT n, total FROM (SELECT id, row_number() OVER (), sum(v) OVER () FROM r) AS x (id, n, total) WHERE id = 1',
    ),
  ],
  'any of several values': [
    ...disordered,
    auto('SELECT any_value(id), sum(v) FROM r WHERE id < 3'),
  ],
  'a list in an order with equals': [
    ...disordered,
    auto(`SELECT string_agg(id::text, ',' ORDER BY v > 0) FROM r`),
  ],
  'the first in an order with equals': [
    ...disordered,
    rr('SELECT id FROM r WHERE id < 3 ORDER BY id > 0 LIMIT 1', sum),
  ],
  'a key that is only called so': [
    ...disordered,
    auto('SELECT v > 0 AS id, v FROM r WHERE r.id < 3 ORDER BY id LIMIT 1'),
  ],
  'the first of each kind': [
    ...disordered,
    rr('SELECT DISTINCT ON (v > 0) id FROM r WHERE id < 3', sum),
  ],
  'the first of a join': [
    auto('UPDATE c SET v = v + 1 WHERE id = 1'),
    auto('UPDATE c SET v = v + 1 WHERE id = 2'),
    rr('SELECT c.id AS found FROM r, c ORDER BY r.id LIMIT 1', 'SELECT sum(v) FROM c'),
  ],
  'the first by a part of its key': [
    auto('INSERT INTO parts (tenant_id, n, v) VALUES (1, 5, 1)'),
    auto('INSERT INTO parts (tenant_id, n, v) VALUES (2, 5, 2)'),
    rr('SELECT v FROM parts ORDER BY n LIMIT 1', 'SELECT sum(v) FROM parts'),
  ],
  'a row that several match': [
    auto('UPDATE c SET v = 11, r = 2 WHERE id = 1'),
    auto('UPDATE c SET v = 12 WHERE id = 2'),
    auto('UPDATE r SET v = c.v FROM c WHERE c.r = r.id'),
  ],
  'the place of a row': [...disordered, auto('SELECT ctid FROM r WHERE id = 1')],
  'a sum that is rounded': [
    auto('UPDATE fractions SET x = 1e16 WHERE id = 1'),
    auto('UPDATE fractions SET x = 1 WHERE id = 2'),
    auto('UPDATE fractions SET x = -1e16 WHERE id = 3', 'SELECT sum(x) FROM fractions'),
  ],
  'a command that takes the first row': [
    ...disordered,
    {
      ...rr(),
      statements: [
        { text: 'SELECT id FROM r WHERE id < 3', values: [] },
        { text: 'UPDATE r SET v = 0 WHERE id = $1', values: ['first'] },
      ],
    },
  ],
  'new rows of rows as they lie': [
    ...disordered,
    rr(
      'INSERT INTO made (r) SELECT id FROM r WHERE id < 3',
      'SELECT r FROM made ORDER BY id LIMIT 1',
      sum,
    ),
  ],
  'a function that takes the first row': [...disordered, rr('SELECT first_of_r()', sum)],
  'a block of code that takes the first row': [
    ...disordered,
    rr('DO $$ BEGIN INSERT INTO log SELECT id FROM r WHERE id < 3 LIMIT 1; END $$', sum),
  ],
  'rows that are locked as they lie': [
    auto(add(1), 'BEGIN', lock(1, 'UPDATE'), lock(2, 'UPDATE'), 'COMMIT'),
    auto(add(2), 'UPDATE r SET v = v * 2 WHERE v > 0 AND id < 3'),
  ],
  'two transactions in one message': [
    auto(
      'BEGIN ISOLATION LEVEL REPEATABLE READ',
      read(2),
      'COMMIT; BEGIN',
      read(1),
      read(1),
      'COMMIT',
    ),
    auto(add(1)),
  ],
  'a failed transaction that ends and goes on': [
    auto('BEGIN', add(1), 'SELECT 1 / 0', `ROLLBACK; ${double(1)}`),
    auto(nowait(1), nowait(1)),
  ],
}
