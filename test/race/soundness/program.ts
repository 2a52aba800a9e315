/**
 * Small programs made up at random: two or three sessions over the same few rows, of every isolation
 * level, with the statements whose interplay makes a reduction go wrong.
 */

import { SeededRandom } from '../../../src/base/seeded-random.ts'
import type { RaceDefinition } from '../../../src/prove/race.ts'
import type { Db, Queries, Tx } from '../sql.ts'
import { schemaFor } from './apart.ts'

/** Every schedule of a program is run: this many take some seconds. */
export const SCHEDULES_MAX = 700

const SCHEMA = `
  CREATE TABLE r (id int PRIMARY KEY, v int NOT NULL, u int UNIQUE);
  CREATE TABLE c (id int PRIMARY KEY, r int REFERENCES r ON DELETE CASCADE, v int NOT NULL);
  CREATE TABLE g (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int NOT NULL);
  CREATE TABLE p (id int PRIMARY KEY, u int NOT NULL, active boolean NOT NULL,
    twice int GENERATED ALWAYS AS (u * 2) STORED UNIQUE);
  CREATE TABLE x (id int PRIMARY KEY, k int NOT NULL, active boolean NOT NULL);
  CREATE UNIQUE INDEX ON x (k) WHERE active;
  CREATE TABLE q (id int PRIMARY KEY, r int REFERENCES r ON DELETE CASCADE);
  CREATE TABLE k (id int PRIMARY KEY, c int REFERENCES c ON DELETE CASCADE);
  CREATE TABLE l (id int PRIMARY KEY, k int REFERENCES k ON DELETE CASCADE);
  CREATE TABLE n1 (id int PRIMARY KEY, n bigint NOT NULL);
  CREATE TABLE n2 (id int PRIMARY KEY, n bigint NOT NULL);
  CREATE TABLE w (id int PRIMARY KEY, v int NOT NULL);
  CREATE TABLE log (v int NOT NULL);
  CREATE TABLE few (id int PRIMARY KEY, v int NOT NULL);
  ALTER TABLE few ENABLE ROW LEVEL SECURITY;
  ALTER TABLE few FORCE ROW LEVEL SECURITY;
  CREATE TABLE e (id int PRIMARY KEY, n int);
  CREATE SEQUENCE s;
  CREATE SEQUENCE es OWNED BY e.n;
  ALTER TABLE e ALTER n SET DEFAULT nextval('es') % 10;
  ALTER TABLE n1 ALTER n SET DEFAULT nextval('s') % 10;
  ALTER TABLE n2 ALTER n SET DEFAULT nextval('s') % 10;
  CREATE VIEW large AS SELECT id, v FROM r WHERE v > 15;
  CREATE POLICY small ON few USING (v < (SELECT sum(v) FROM c)) WITH CHECK (true);
  CREATE VIEW renamed AS SELECT id, v, u AS mark FROM r;
  CREATE VIEW total AS SELECT 1 AS id, sum(v) AS v FROM r;
  CREATE FUNCTION worth(r) RETURNS bigint LANGUAGE sql AS 'SELECT sum(v) FROM c';
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO log VALUES (new.v); RETURN new; END $$;
  CREATE FUNCTION doubled(row_id int) RETURNS void LANGUAGE sql AS
    $$ UPDATE r SET v = v * 2 WHERE id = row_id $$;
  CREATE TRIGGER noted AFTER INSERT OR UPDATE ON w FOR EACH ROW EXECUTE FUNCTION note();
  CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO log VALUES (old.id); RETURN old; END $$;
  CREATE TRIGGER noted AFTER DELETE ON q FOR EACH ROW EXECUTE FUNCTION note_end()`

const SEED = `
  INSERT INTO r VALUES (1, 10, 1), (2, 20, 2), (3, 30, NULL);
  INSERT INTO c VALUES (1, 1, 5), (2, 2, 6);
  INSERT INTO k VALUES (1, 1);
  INSERT INTO l VALUES (1, 1);
  INSERT INTO w VALUES (1, 1);
  INSERT INTO q VALUES (1, 1);
  INSERT INTO e VALUES (1, 0), (2, 0);
  INSERT INTO few VALUES (1, 5), (2, 12);
  INSERT INTO p VALUES (1, 5, false), (2, 6, false);
  INSERT INTO x VALUES (1, 5, false), (2, 5, false)`

export interface Statement {
  readonly text: string
  readonly values: readonly Value[]
}

/** `first`: the id in the first row of the answer before. */
type Value = number | null | 'first'

type Isolation = 'read committed' | 'repeatable read' | 'serializable'

export interface SessionProgram {
  /** Undefined: each statement is a transaction of its own. */
  readonly isolation: Isolation | undefined
  readonly statements: readonly Statement[]
  readonly end: 'COMMIT' | 'ROLLBACK'
}

export interface Program {
  readonly seed: number
  readonly sessions: readonly SessionProgram[]
  /** Must return no row in any committed state: the states between are looked at too. */
  readonly never?: string
}

type Maker = (random: SeededRandom) => Statement

function template(text: string, ...ranges: readonly (readonly [number, number])[]): Maker {
  return (random) => ({ text, values: ranges.map(([min, max]) => random.integer(min, max)) })
}

const ID: readonly [number, number] = [1, 2]
const NEW: readonly [number, number] = [4, 5]
const VALUE: readonly [number, number] = [1, 3]

/** What most programs are made of; the rare ones cost a reduction nearly everything. */
const COMMON: readonly Maker[] = [
  template('SELECT v FROM r WHERE id = $1', ID),
  template('SELECT v FROM r WHERE id = $1', ID),
  template('SELECT count(*) FROM r WHERE v > $1', [10, 25]),
  template('SELECT sum(v) FROM r'),
  template('SELECT count(*) FROM large'),
  template('UPDATE r SET v = v + $2 WHERE id = $1', ID, VALUE),
  template('UPDATE r SET v = $2 WHERE id = $1', ID, VALUE),
  template('UPDATE r SET v = v * 2 WHERE v > $1', [10, 25]),
  template('UPDATE r SET u = $2 WHERE id = $1', ID, [7, 8]),
  template('INSERT INTO r VALUES ($1, $2)', NEW, VALUE),
  template('INSERT INTO r VALUES ($1, $2, 9)', NEW, VALUE),
  template('INSERT INTO r VALUES ($1, $2) ON CONFLICT DO NOTHING', NEW, VALUE),
  template('INSERT INTO r VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = r.v + 1', NEW, VALUE),
  template('DELETE FROM r WHERE id = $1', ID),
  template('DELETE FROM c WHERE id = $1', ID),
  template('SELECT v FROM r WHERE id = $1 FOR UPDATE', ID),
  template('SELECT v FROM r WHERE id = $1 FOR SHARE', ID),
  template('SELECT v FROM r WHERE id = $1 FOR KEY SHARE', ID),
  template('SELECT v FROM r WHERE id = $1 FOR NO KEY UPDATE', ID),
  template('SELECT id FROM r ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED'),
  template('SELECT v FROM r WHERE id = $1 FOR UPDATE NOWAIT', ID),
  template('INSERT INTO c VALUES ($1, $2, 1)', NEW, ID),
  template('UPDATE c SET r = $2 WHERE id = $1', ID, ID),
  template('UPDATE c SET v = v + 1 WHERE r = $1', ID),
  template('SELECT count(*) FROM c JOIN r ON r.id = c.r WHERE r.v > $1', [5, 15]),
  template('INSERT INTO g (v) VALUES ($1)', VALUE),
  template('INSERT INTO g (v) SELECT v FROM r WHERE id = $1', ID),
  template('UPDATE r SET v = (SELECT sum(v) FROM c) WHERE id = $1', ID),
  template('SELECT 1 FROM pg_advisory_xact_lock($1)', [1, 2]),
]

const RARE: readonly Maker[] = [
  template(`SELECT nextval('s')`),
  template('SELECT pg_try_advisory_xact_lock($1)', [1, 2]),
  template('UPDATE w SET v = v + $1', VALUE),
  template('SELECT count(*) FROM log'),
  template('INSERT INTO d VALUES ($1, $2)', NEW, [2, 4]),
  template('SAVEPOINT p'),
  template('ROLLBACK TO p'),
  template('UPDATE r SET id = $2 WHERE id = $1', ID, [6, 7]),
  template(
    'WITH gone AS (DELETE FROM r WHERE id = $1 RETURNING v) INSERT INTO g (v) SELECT v FROM gone',
    ID,
  ),
  template('LOCK TABLE r IN SHARE MODE'),
  template('SELECT 1 / 0'),
  template('SELECT id FROM r LIMIT $1', [1, 2]),
  template('SELECT v FROM total WHERE id = $1', ID),
  template('INSERT INTO w VALUES ($1, 1)', NEW),
  template('UPDATE e SET n = DEFAULT WHERE id = $1', ID),
  template('UPDATE renamed SET mark = $2 WHERE id = $1', ID, [7, 8]),
  template(
    'WITH changed AS (UPDATE r SET v = v * 2 RETURNING id) SELECT 1 FROM changed WHERE id = $1',
    ID,
  ),
  template(
    'UPDATE r SET v = v * 2 FROM generate_series(1, 3) AS t (id) WHERE t.id = $1 AND r.id = t.id',
    ID,
  ),
]

const RARE_SHARE = 0.12
const ISOLATIONS = ['read committed', 'read committed', 'repeatable read', 'serializable'] as const

/** Statements by session. */
const SHAPES: readonly (readonly number[])[] = [
  [1, 2],
  [2, 2],
  [2, 2],
  [2, 3],
  [2, 3],
  [3, 3],
  [3, 3],
  [1, 4],
  [2, 4],
  [1, 1, 1],
  [1, 1, 2],
]

const TRANSACTION_MESSAGES = 2

function messagesOf({ isolation, statements }: SessionProgram): number {
  return statements.length + (isolation === undefined ? 0 : TRANSACTION_MESSAGES)
}

/** How many ways there are to put the messages of all sessions into one row. */
export function schedulesOf(sessions: readonly SessionProgram[]): number {
  let [count, total] = [1, 0]
  for (const session of sessions)
    for (let n = 1; n <= messagesOf(session); n += 1) {
      total += 1
      count = (count * total) / n
    }
  return Math.round(count)
}

function sessionOf(random: SeededRandom, length: number): SessionProgram {
  const isolation = random.next() < 0.25 ? undefined : random.pick(ISOLATIONS)
  const statements = Array.from({ length }, () =>
    random.pick(random.next() < RARE_SHARE ? RARE : COMMON)(random),
  )
  return { isolation, statements, end: random.next() < 0.12 ? 'ROLLBACK' : 'COMMIT' }
}

/** The program of a seed. */
export function programOf(seed: number): Program {
  const random = new SeededRandom(seed)
  for (;;) {
    const shape = random.pick(SHAPES)
    const sessions = shape.map((length) => sessionOf(random, length))
    if (schedulesOf(sessions) <= SCHEDULES_MAX) return { seed, sessions }
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code)
}

async function send(
  db: Queries,
  { text, values }: Statement,
  [before]: readonly unknown[],
): Promise<unknown> {
  const first = () => (before as readonly { readonly id: number }[])[0]?.id
  const given = values.map((value) => (value === 'first' ? first() : value))
  const { command, rows, rowCount } = await db.query(text, given)
  return command === 'SELECT' ? rows : rowCount
}

async function runAlone(db: Db, statements: readonly Statement[]): Promise<unknown[]> {
  const answers: unknown[] = []
  for (const statement of statements)
    answers.push(
      await send(db, statement, answers.slice(-1)).catch((error: unknown) => codeOf(error)),
    )
  return answers
}

async function runTogether(tx: Tx, { isolation, statements, end }: SessionProgram) {
  const answers: unknown[] = []
  try {
    await tx.query(`BEGIN ISOLATION LEVEL ${isolation}`)
    for (const statement of statements) answers.push(await send(tx, statement, answers.slice(-1)))
    await tx.query(end)
  } catch (error) {
    answers.push(codeOf(error))
    await tx.query('ROLLBACK')
  } finally {
    tx.release()
  }
  return answers
}

async function runSession(db: Db, session: SessionProgram): Promise<unknown[]> {
  return session.isolation === undefined
    ? runAlone(db, session.statements)
    : runTogether(await db.connect(), session)
}

/** What its commands do is no violation: only outcomes, and states that must not be, are of interest. */
export function raceOf({ sessions, never }: Program): RaceDefinition {
  const texts = sessions.flatMap(({ statements }) => statements.map(({ text }) => text))
  const run = sessions.map((session, n) => [`s${n}`, (db: Db) => runSession(db, session)] as const)
  return {
    schema: schemaFor(SCHEMA, texts),
    seed: SEED,
    run: Object.fromEntries(run),
    ...(never && { invariants: { never } }),
    serial: false,
    allow: ['deadlock', 'self-deadlock'],
    schedulesMax: 5_000,
  }
}

/** For the reader of a failure. */
export function textOf({ seed, sessions }: Program): string {
  const lines = sessions.map(
    ({ isolation = 'autocommit', statements, end }) =>
      `  ${isolation}: ${statements.map(({ text, values }) => `${text} [${values.join()}]`).join('; ')}; ${end}`,
  )
  return [`program ${seed}`, ...lines].join('\n')
}
