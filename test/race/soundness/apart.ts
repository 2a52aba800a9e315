/**
 * What only the programs get that name it: some of it makes every COMMIT, or every statement of the
 * database, count as touching everything.
 */
const SCHEMA_BY_WORDS: Readonly<Record<string, string>> = {
  'INTO d ':
    'CREATE TABLE d (id int PRIMARY KEY, r int REFERENCES r DEFERRABLE INITIALLY DEFERRED)',
  'INTO h ': `
    CREATE FUNCTION sum_of_r() RETURNS bigint LANGUAGE sql AS 'SELECT sum(v) FROM r';
    CREATE TABLE h (id int PRIMARY KEY, v bigint NOT NULL DEFAULT sum_of_r())`,
  'INTO carried ':
    'CREATE TABLE carried (k int NOT NULL, v int); CREATE UNIQUE INDEX ON carried (k) INCLUDE (v)',
  'INTO defaulted ': 'CREATE TABLE defaulted (a int DEFAULT 1, b int, UNIQUE (a, b))',
  'INTO folded ': `
    CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE folded (word text NOT NULL, v int);
    CREATE UNIQUE INDEX ON folded (word COLLATE folding)`,
  'INTO words ': 'CREATE TABLE words (word text PRIMARY KEY, v int)',
  'INTO short ': 'CREATE TABLE short (word varchar(2) PRIMARY KEY, v int)',
  'INTO tens ': 'CREATE TABLE tens (k int); CREATE UNIQUE INDEX ON tens ((k / 10))',
  'INTO alike ': `
    CREATE EXTENSION btree_gist;
    CREATE TABLE alike (id int PRIMARY KEY, k int, EXCLUDE USING gist (k WITH <>))`,
  'INTO nothing ': 'CREATE TABLE nothing (id int PRIMARY KEY, k int UNIQUE NULLS NOT DISTINCT)',
  'INTO counted ': `
    CREATE TABLE counted (n bigint GENERATED ALWAYS AS IDENTITY, k int PRIMARY KEY)`,
  'holdfast.events': `
    CREATE SCHEMA holdfast;
    CREATE TABLE holdfast.events (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int)`,
  'INTO made ':
    'CREATE TABLE made (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, r int NOT NULL)',
  doubleIt: `
    CREATE FUNCTION "doubleIt"(row_id int) RETURNS void LANGUAGE sql AS
      'UPDATE r SET v = v * 2 WHERE id = row_id'`,
  doubled_by_name: `
    CREATE FUNCTION "doubleIt"(row_id int) RETURNS void LANGUAGE sql AS
      'UPDATE r SET v = v * 2 WHERE id = row_id';
    CREATE FUNCTION doubled_by_name(row_id int) RETURNS void LANGUAGE sql AS
      'SELECT "doubleIt"(row_id)'`,
  doubled_by_odd_name: `
    CREATE FUNCTION "double it"(row_id int) RETURNS void LANGUAGE sql AS
      'UPDATE r SET v = v * 2 WHERE id = row_id';
    CREATE FUNCTION doubled_by_odd_name(row_id int) RETURNS void LANGUAGE sql AS
      'SELECT "double it"(row_id)'`,
  doubled_behind: `
    CREATE FUNCTION doubled_behind(row_id int) RETURNS void LANGUAGE sql AS
      'SELECT doubled(row_id)'`,
  total_by_default: `
    CREATE FUNCTION total_of_r() RETURNS bigint LANGUAGE sql AS 'SELECT sum(v) FROM r';
    CREATE FUNCTION total_by_default(n bigint DEFAULT total_of_r()) RETURNS bigint
      LANGUAGE sql AS 'SELECT n'`,
  'summed()': `CREATE FUNCTION summed() RETURNS bigint LANGUAGE sql AS 'SELECT sum(v) FROM r'`,
  refreshed: `
    CREATE MATERIALIZED VIEW sums AS SELECT sum(v) AS v FROM r;
    CREATE FUNCTION refreshed() RETURNS void LANGUAGE plpgsql AS
      'BEGIN REFRESH MATERIALIZED VIEW sums; END'`,
  behind_escapes: String.raw`
    CREATE FUNCTION behind_escapes() RETURNS bigint LANGUAGE sql AS
      $f$ SELECT length(E'\'') + (SELECT sum(v) FROM r) + length(E'\'') $f$`,
  behind_comments: `
    CREATE FUNCTION behind_comments() RETURNS bigint LANGUAGE sql AS
      $f$ SELECT -- '
        (SELECT sum(v) FROM r) -- ' $f$`,
  'first_of_r()': `
    CREATE FUNCTION first_of_r() RETURNS int LANGUAGE sql AS 'SELECT id FROM r WHERE id < 3 LIMIT 1'`,
  crosstab: 'CREATE EXTENSION tablefunc',
  'FROM one_row': 'CREATE VIEW one_row AS SELECT id FROM r WHERE id < 3 LIMIT 1',
  'FROM locked': 'CREATE VIEW locked AS SELECT id, v FROM r FOR UPDATE',
  'FROM numbered': `CREATE VIEW numbered AS SELECT nextval('s') % 2 AS n FROM r WHERE id = 1`,
  'FROM locks': `
    CREATE VIEW locks AS SELECT r.id,
      (SELECT count(*) FROM pg_locks l WHERE l.locktype = 'advisory') AS n FROM r`,
  'UPDATE fractions': `
    CREATE TABLE fractions (id int PRIMARY KEY, x float8);
    INSERT INTO fractions VALUES (1, 1e16), (2, 1), (3, -1e16)`,
  'INTO parts ': 'CREATE TABLE parts (tenant_id int, n int, v int, PRIMARY KEY (tenant_id, n))',
}

const known = new Map<string, readonly string[]>()

/** One list for all programs that need the same: explorers know a schema by its identity. */
export function schemaFor(base: string, texts: readonly string[]): readonly string[] {
  const words = Object.keys(SCHEMA_BY_WORDS).filter((words) =>
    texts.some((text) => text.includes(words)),
  )
  const made = [base, ...words.map((words) => SCHEMA_BY_WORDS[words] ?? '')]
  const schema = known.get(made.join('\n')) ?? made
  known.set(made.join('\n'), schema)
  return schema
}
