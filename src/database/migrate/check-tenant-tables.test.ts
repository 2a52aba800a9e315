import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Client } from 'pg'
import { connect, freshDatabase, run } from '../../../test/migrate/fixture.ts'
import { isFault } from '../../base/fault.ts'
import { assertTenantTables, checkTenantTables } from './check-tenant-tables.ts'

async function migrated(context: TestContext): Promise<Client> {
  const { url } = await freshDatabase(context)
  await run(url, [])
  return connect(context, url)
}

/** A table as it should be; `columns` come behind tenant_id and id. */
function safe(name: string, columns = '', key = 'PRIMARY KEY (tenant_id, id)'): string {
  return `CREATE TABLE ${name} (tenant_id text NOT NULL, id uuid, ${columns} ${key});
    ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON ${name} USING (tenant_id = holdfast.tenant());
    CREATE POLICY backup ON ${name} FOR SELECT TO holdfast_backup USING (true);`
}

async function found(client: Client): Promise<string[]> {
  const findings = await checkTenantTables(client)
  return findings.map(({ table, rule }) => `${table} ${rule}`).sort()
}

/** Runs the SQL of every finding, as its reader would. */
async function mend(client: Client): Promise<void> {
  for (const { sql } of await checkTenantTables(client)) await client.query(sql)
}

test('tables that keep tenants apart, and tables without tenants, are not found', async (context) => {
  const client = await migrated(context)
  await client.query(`${safe('orders')} CREATE TABLE countries (code text PRIMARY KEY);
    ${safe('lines', 'order_id uuid, country text REFERENCES countries, FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),')}
    CREATE UNIQUE INDEX ON orders (lower(id::text), tenant_id) WHERE id IS NOT NULL;
    CREATE VIEW recent WITH (security_invoker) AS SELECT * FROM orders;
    CREATE VIEW hidden AS SELECT * FROM orders; REVOKE ALL ON hidden FROM holdfast_app;`)
  assert.deepEqual(await found(client), [])
  await assertTenantTables(client)
})

test('a table that is kept apart by the function is not found, and rows need their tenant', async (context) => {
  const client = await migrated(context)
  await client.query(`CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."T x" (tenant_id text NOT NULL);
    CREATE TABLE plain (tenant_id text NOT NULL DEFAULT holdfast.tenant());
    SELECT holdfast.keep_apart('"Odd"."T x"', 'plain')`)
  assert.deepEqual(await found(client), [])
  await assert.rejects(client.query('SELECT FROM plain'), /tenant/)
  await client.query(`SELECT set_config('holdfast.tenant', 'acme', false)`)
  await client.query('INSERT INTO plain DEFAULT VALUES')
  await assert.rejects(client.query(`INSERT INTO plain VALUES ('globex')`), /row-level security/)
  await client.query(`SELECT set_config('role', 'holdfast_app', false)`)
  await assert.rejects(client.query(`SELECT holdfast.keep_apart('plain')`), /must be owner/)
})

test('what is open is named with the SQL that mends it', async (context) => {
  const client = await migrated(context)
  await client.query(`CREATE SCHEMA "Odd";
    CREATE TABLE "Odd"."T x" (tenant_id uuid);
    ${safe('half')} ALTER TABLE half NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE half DISABLE ROW LEVEL SECURITY; DROP POLICY backup ON half;`)
  assert.deepEqual(await found(client), [
    '"Odd"."T x" no-policy',
    '"Odd"."T x" not-in-backup',
    '"Odd"."T x" nullable-tenant',
    '"Odd"."T x" rls-not-forced',
    '"Odd"."T x" rls-off',
    'public.half not-in-backup',
    'public.half rls-not-forced',
    'public.half rls-off',
  ])
  await assert.rejects(
    assertTenantTables(client),
    (error) =>
      isFault(error, 'HF_TENANT_TABLES') && /ALTER TABLE public\.half FORCE/.test(error.message),
  )
  await mend(client)
  assert.deepEqual(await found(client), [])
})

test('a policy that does not look at the tenant is open, unless a restrictive one does', async (context) => {
  const client = await migrated(context)
  await client.query(`${safe('a')} CREATE POLICY "All" ON a USING (true);
    ${safe('b')} CREATE POLICY anybody_adds ON b FOR INSERT TO holdfast_app WITH CHECK (id IS NOT NULL);
    ${safe('c')} CREATE POLICY check_only ON c FOR UPDATE USING (tenant_id = holdfast.tenant()) WITH CHECK (true);
    ${safe('d')} CREATE POLICY loops ON d TO holdfast_loops USING (true);
    ${safe('e')} CREATE POLICY wide ON e USING (true);
    CREATE POLICY fence ON e AS RESTRICTIVE USING (tenant_id = holdfast.tenant());`)
  assert.deepEqual(await found(client), [
    'public.a open-policy',
    'public.b open-policy',
    'public.c open-policy',
  ])
  await mend(client)
  assert.deepEqual(await found(client), [])
})

test('unique and foreign keys across tenants are found, once per partitioned table', async (context) => {
  const client = await migrated(context)
  await client.query(`
    ${safe('orders', 'number int UNIQUE,', 'UNIQUE (tenant_id, id)')}
    ${safe('lines', 'order_id uuid, number int, CONSTRAINT to_number FOREIGN KEY (number) REFERENCES orders (number),')}
    ${safe('tokens', 'digest bytea,')}
    CREATE UNIQUE INDEX tokens_digest ON tokens (digest);
    CREATE UNIQUE INDEX orders_number_id ON orders (number, id);
    CREATE TABLE parts (tenant_id text NOT NULL, day date, PRIMARY KEY (day)) PARTITION BY RANGE (day);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');`)
  const keys = (await found(client)).filter((line) => line.includes('-across-'))
  assert.deepEqual(keys, [
    'public.lines foreign-key-across-tenants',
    'public.orders unique-across-tenants',
    'public.orders unique-across-tenants',
    'public.parts unique-across-tenants',
    'public.tokens unique-across-tenants',
  ])
  await client.query(
    `COMMENT ON INDEX tokens_digest IS '@global the digest is a secret of 256 bits'`,
  )
  const sql = (await checkTenantTables(client))
    .filter(({ rule }) => rule === 'unique-across-tenants' || rule === 'foreign-key-across-tenants')
    .map((finding) => finding.sql)
  assert.deepEqual(sql, [
    'ALTER TABLE public.lines DROP CONSTRAINT to_number;\n' +
      'ALTER TABLE public.lines ADD CONSTRAINT to_number FOREIGN KEY (tenant_id, number) REFERENCES public.orders (tenant_id, number);',
    'DROP INDEX public.orders_number_id;\n' +
      'CREATE UNIQUE INDEX orders_number_id ON public.orders USING btree (tenant_id, number, id);',
    'ALTER TABLE public.orders DROP CONSTRAINT orders_number_key;\n' +
      'ALTER TABLE public.orders ADD CONSTRAINT orders_number_key UNIQUE (tenant_id, number);',
    'ALTER TABLE public.parts DROP CONSTRAINT parts_pkey;\n' +
      'ALTER TABLE public.parts ADD CONSTRAINT parts_pkey PRIMARY KEY (tenant_id, day);',
  ])
})

test('what knows no policy, or reads as its owner, is kept from the app', async (context) => {
  const client = await migrated(context)
  await client.query(`${safe('orders')}
    CREATE VIEW owner_view AS SELECT * FROM orders;
    CREATE MATERIALIZED VIEW totals AS SELECT 'x'::text AS tenant_id, 1 AS total;`)
  assert.deepEqual(await found(client), [
    'public.owner_view view-of-owner',
    'public.totals no-rls-possible',
  ])
  await mend(client)
  assert.deepEqual(await found(client), [])
})
