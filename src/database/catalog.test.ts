import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { StateDatabase } from '../testing/state-database.ts'
import { type Catalog, loadCatalog } from './catalog.ts'

let database: StateDatabase
let catalog: Catalog

const SCHEMA = `
CREATE TABLE orders (
  tenant_id text NOT NULL DEFAULT holdfast.tenant(), id uuid, number bigint, note varchar(20), gone int,
  PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, number) INCLUDE (note), UNIQUE (note) DEFERRABLE);
ALTER TABLE orders DROP COLUMN gone;
CREATE UNIQUE INDEX ON orders (lower(note));
CREATE UNIQUE INDEX ON orders (note) WHERE number > 5;
CREATE INDEX ON orders (note);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
CREATE POLICY app ON orders USING (tenant_id = holdfast.tenant());
CREATE POLICY loops ON orders TO holdfast_loops USING (true);
CREATE TABLE leaky (tenant_id text, id uuid PRIMARY KEY);
ALTER TABLE leaky ENABLE ROW LEVEL SECURITY;
ALTER TABLE leaky FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON leaky USING (tenant_id = (SELECT holdfast.tenant()));
CREATE POLICY all_see ON leaky FOR SELECT USING (true);
CREATE TABLE scalar (tenant_id text UNIQUE);
ALTER TABLE scalar ENABLE ROW LEVEL SECURITY;
ALTER TABLE scalar FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON scalar USING (tenant_id = (SELECT holdfast.tenant()));
CREATE TABLE unforced (tenant_id text UNIQUE);
ALTER TABLE unforced ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON unforced USING (tenant_id = holdfast.tenant());
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE days (day date, id int, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW seen AS SELECT * FROM orders;
CREATE SCHEMA "Odd";
CREATE TABLE "Odd"."Table" ("Id" int PRIMARY KEY);
CREATE VIEW mixed AS SELECT 1 AS x FROM orders, "Odd"."Table";
CREATE FUNCTION many() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
INSERT INTO holdfast.table_owners VALUES ('public', 'orders', 'ordering'), ('Odd', 'Table', 'odd')`

before(async () => {
  database = await StateDatabase.make()
  await database.pool.run(SCHEMA.split(';\n').map((text) => ({ text, values: [] })))
  catalog = await loadCatalog(database.pool)
})

after(() => database.drop())

test('a name without a schema means what it means to the role that runs operations', () => {
  assert.equal(catalog.table(undefined, 'orders')?.schema, 'public')
  assert.equal(catalog.table(undefined, 'jobs'), undefined)
  assert.equal(catalog.table('holdfast', 'jobs')?.schema, 'holdfast')
})

test('owners come from the migrations; what was made by hand has none', () => {
  assert.equal(catalog.ownerOf(undefined, 'orders'), 'ordering')
  assert.equal(catalog.ownerOf('Odd', 'Table'), 'odd')
  assert.equal(catalog.ownerOf('holdfast', 'jobs'), 'holdfast/job')
  assert.equal(catalog.ownerOf(undefined, 'leaky'), undefined)
  assert.equal(catalog.ownerOf(undefined, 'nowhere'), undefined)
})

test('a view is of the module whose table would be written through it', () => {
  assert.equal(catalog.ownerOf(undefined, 'seen'), 'ordering')
  assert.equal(catalog.ownerOf(undefined, 'mixed'), undefined)
})

test('unique keys are whole, immediate, on plain columns, without what is only included', () => {
  const keys = catalog.table('public', 'orders')?.uniqueKeys.map((key) => key.join())
  assert.deepEqual(keys?.sort(), ['tenant_id,id', 'tenant_id,number'])
  assert.deepEqual(catalog.table('public', 'days')?.uniqueKeys, [['day', 'id']])
  assert.deepEqual(catalog.table('public', 'days_2026')?.uniqueKeys, [['day', 'id']])
  assert.deepEqual(catalog.table('Odd', 'Table')?.uniqueKeys, [['Id']])
})

test('a key of a parent by inheritance does not count, nor has a view one', () => {
  assert.deepEqual(catalog.table('public', 'parent')?.uniqueKeys, [])
  assert.deepEqual(catalog.table('public', 'seen')?.uniqueKeys, [])
})

test('columns come with their types, in order, without dropped ones', () => {
  assert.deepEqual(
    [...(catalog.table('public', 'orders')?.columns ?? [])],
    [
      ['tenant_id', 'text'],
      ['id', 'uuid'],
      ['number', 'bigint'],
      ['note', 'character varying(20)'],
    ],
  )
})

test('the tenant column is the one that every policy of the app compares', () => {
  assert.equal(catalog.table('public', 'orders')?.tenantColumn, 'tenant_id')
  assert.equal(catalog.table('public', 'scalar')?.tenantColumn, 'tenant_id')
  assert.equal(catalog.table('public', 'leaky')?.tenantColumn, undefined)
  assert.equal(catalog.table('public', 'unforced')?.tenantColumn, undefined)
})

test('functions that are no values of their arguments are known by name', () => {
  const has = (name: string) => [...catalog.traitsOf(name)].sort()
  assert.deepEqual(has('count'), ['aggregate'])
  assert.deepEqual(has('unnest'), ['set'])
  assert.deepEqual(has('many'), ['set', 'volatile'])
  assert.deepEqual(has('random'), ['volatile'])
  assert.deepEqual(has('lower'), [])
  assert.deepEqual(has('tenant'), [])
})

test('it loads one statement at a time too', async () => {
  const { Pool } = await import('./pool.ts')
  const pool = new Pool({ url: database.url, pipelining: false })
  try {
    assert.equal((await loadCatalog(pool)).ownerOf(undefined, 'orders'), 'ordering')
  } finally {
    await pool.close()
  }
})
