/**
 * The second wall: what the database itself keeps apart, whatever statement an operation sends.
 * Every table of the app and of the framework is found in the catalog, new ones too.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { TwoTenants } from './two-tenants.ts'

/** Tables that hold nothing of a tenant, each for a reason. */
const WITHOUT_TENANT: Readonly<Record<string, string>> = {
  'holdfast.migrations': 'what was applied to this database',
  'holdfast.table_owners': 'which module made which table',
  'holdfast.subscriptions': 'positions in the one log; the loops alone may read them',
  'holdfast.job_workers': 'processes that work for all; the loops alone may read them',
  'holdfast.quotas': 'counters by subject; the loops alone may read them',
}

/** Found before a tenant is known, or by the loops: made by us, random or drawn, never chosen. */
const UNIQUE_WITHOUT_TENANT = new Set([
  'holdfast.api_keys (id)',
  'holdfast.dead_jobs (id)',
  'holdfast.events (position)',
  'holdfast.job_history (finished_at, id)',
  'holdfast.jobs (id)',
  'holdfast.parked_events (subscription, position)',
  'holdfast.running_jobs (lease)',
])

interface Table {
  readonly name: string
  readonly column: string
}

let tenants: TwoTenants
let client: pg.Client
let tables: readonly Table[]
before(async () => {
  tenants = await TwoTenants.start()
  await fillEmptyTables()
  client = new pg.Client({ connectionString: tenants.shop.database.url })
  await client.connect()
  tables = await tenants.tenantTables()
})
after(async () => {
  await client.end()
  await tenants.stop()
})

/** Nothing waits, runs or has failed in a shop that is well. */
async function fillEmptyTables(): Promise<void> {
  await tenants.shop.running.loops.stop()
  await tenants.admin(`
    INSERT INTO holdfast.jobs (id, attempts_max, tenant, queue, name, payload)
    SELECT gen_random_uuid(), 1, tenant, 'never', 'test.job', '{}' FROM unnest('{acme,globex}'::text[]) AS tenant;
    INSERT INTO holdfast.running_jobs (worker, id, run_at, created_at, priority, attempt, attempts_max, tenant, queue, name, payload)
    SELECT 0, id, run_at, created_at, priority, 1, 1, tenant, queue, name, payload FROM holdfast.jobs WHERE queue = 'never';
    INSERT INTO holdfast.dead_jobs (id, run_at, created_at, priority, attempt, attempts_max, tenant, queue, name, payload)
    SELECT id, run_at, created_at, priority, 1, 1, tenant, queue, name, payload FROM holdfast.jobs WHERE queue = 'never';
    INSERT INTO holdfast.parked_events (subscription, position, tenant)
    SELECT 'test.' || tenant, 0, tenant FROM unnest('{acme,globex}'::text[]) AS tenant;
    INSERT INTO holdfast.staged_contents (tenant, id, content_type, expires_at)
    SELECT tenant, gen_random_uuid(), 'text/csv', now() + interval '1 day' FROM unnest('{acme,globex}'::text[]) AS tenant;
    INSERT INTO holdfast.staged_chunks (tenant, content, at, bytes)
    SELECT tenant, id, 0, 'sku' FROM holdfast.staged_contents WHERE bytes IS NULL`)
}

type Role = 'holdfast_app' | 'holdfast_loops' | 'holdfast_backup' | 'none'

/** In a transaction of its own, which is rolled back; gives the rows, or the SQLSTATE. */
async function as(
  role: Role,
  tenant: string | undefined,
  text: string,
  values: readonly unknown[] = [],
): Promise<{
  readonly rows: pg.QueryResultRow[]
  readonly count: number
  readonly state?: string
}> {
  await client.query('BEGIN')
  try {
    await client.query(`SELECT set_config('role', $1, true)`, [role])
    if (tenant !== undefined) {
      await client.query(`SELECT set_config('holdfast.tenant', $1, true)`, [tenant])
    }
    const { rows, rowCount } = await client.query(text, [...values])
    return { rows, count: rowCount ?? 0 }
  } catch (error) {
    return { rows: [], count: 0, state: (error as { code: string }).code }
  } finally {
    await client.query('ROLLBACK')
  }
}

const NO_TENANT = 'HF001'
const NOT_ALLOWED = '42501'

/** The columns that the app may write. */
async function writable(table: Table, privilege: 'INSERT' | 'UPDATE'): Promise<readonly string[]> {
  const rows = await tenants.admin<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
       AND has_column_privilege('holdfast_app', attrelid, attnum, $2)`,
    [table.name, privilege],
  )
  return rows.map(({ name }) => name)
}

describe('every table of tenants', () => {
  test('has its rows held apart, from its owner too', async () => {
    const open = await tenants.admin(
      `SELECT c.oid::regclass::text AS name FROM pg_class c
       WHERE relkind IN ('r', 'p') AND relnamespace IN ('public'::regnamespace, 'holdfast'::regnamespace)
         AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY 1`,
    )
    assert.deepEqual(
      open.map(({ name }) => name).filter((name) => tables.some((table) => table.name === name)),
      [],
    )
    assert.deepEqual(open, [{ name: 'holdfast.migrations' }, { name: 'holdfast.table_owners' }])
  })

  test('is one, or stands in the list of those that are none', async () => {
    const all = await tenants.admin<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE relkind IN ('r', 'p')
         AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)`,
    )
    const others = all
      .map(({ name }) => name)
      .filter((name) => !tables.some((t) => t.name === name))
    assert.deepEqual(others.sort(), Object.keys(WITHOUT_TENANT).sort())
    assert.ok(tables.length >= 14)
  })

  test('has rows of both here', async () => {
    for (const { name, column } of tables) {
      const rows = await tenants.admin(`SELECT DISTINCT ${column} AS t FROM ${name} ORDER BY 1`)
      assert.deepEqual(rows, [{ t: 'acme' }, { t: 'globex' }], name)
    }
  })

  test('raises without a context, for every kind of statement', async () => {
    for (const table of tables) {
      const { name, column } = table
      const [first] = await writable(table, 'UPDATE')
      const statements = {
        select: `SELECT 1 FROM ${name} LIMIT 1`,
        count: `SELECT count(*) FROM ${name}`,
        'by tenant': `SELECT 1 FROM ${name} WHERE ${column} = 'acme' LIMIT 1`,
        delete: `DELETE FROM ${name}`,
        ...(first !== undefined && { update: `UPDATE ${name} SET ${first} = ${first}` }),
      }
      for (const tenant of [undefined, '']) {
        for (const [kind, text] of Object.entries(statements)) {
          const { state, count } = await as('holdfast_app', tenant, text)
          assert.ok(
            state === NO_TENANT || state === NOT_ALLOWED,
            `${name} ${kind}: ${state ?? count}`,
          )
          if (kind === 'select' || kind === 'count')
            assert.equal(state, NO_TENANT, `${name} ${kind}`)
        }
      }
    }
  })

  test('shows the rows of the tenant and no others, in whatever way they are asked for', async () => {
    for (const { name, column } of tables) {
      const [own] = await tenants.admin(
        `SELECT count(*)::int AS count FROM ${name} WHERE ${column} = 'acme'`,
      )
      const seen = await as('holdfast_app', 'acme', `SELECT count(*)::int AS count FROM ${name}`)
      assert.deepEqual(seen.rows, [own], name)
      const asked = `SELECT count(*)::int AS count FROM ${name} WHERE ${column} <> 'acme' OR ${column} = 'globex'`
      assert.deepEqual((await as('holdfast_app', 'acme', asked)).rows, [{ count: 0 }], name)
    }
  })

  test('takes no row of another tenant: not inserted, not moved, not changed, not deleted', async () => {
    for (const table of tables) {
      const { name, column } = table
      const columns = await writable(table, 'INSERT')
      if (columns.length > 0) {
        const [row] = await tenants.admin<{ row: string }>(
          `SELECT to_jsonb(t)::text AS row FROM ${name} t WHERE ${column} = 'globex' LIMIT 1`,
        )
        const list = columns.map((each) => `"${each}"`).join(', ')
        const insert = `INSERT INTO ${name} (${list}) SELECT ${list} FROM jsonb_populate_record(NULL::${name}, $1)`
        const { state } = await as('holdfast_app', 'acme', insert, [row?.row])
        // A table that takes no tenant from a statement takes the one of the context.
        if (columns.includes(column)) assert.equal(state, NOT_ALLOWED, `${name}: insert`)
      }
      const updated = await writable(table, 'UPDATE')
      if (updated.includes(column)) {
        const move = await as('holdfast_app', 'acme', `UPDATE ${name} SET ${column} = 'globex'`)
        assert.equal(move.state, NOT_ALLOWED, `${name}: move`)
      }
      for (const each of updated.slice(0, 1)) {
        const text = `UPDATE ${name} SET ${each} = ${each} WHERE ${column} = 'globex'`
        const { count, state } = await as('holdfast_app', 'acme', text)
        assert.ok(count === 0 && (state === undefined || state === NOT_ALLOWED), `${name}: update`)
      }
      const gone = await as(
        'holdfast_app',
        'acme',
        `DELETE FROM ${name} WHERE ${column} = 'globex'`,
      )
      assert.ok(gone.count === 0, `${name}: delete`)
      const cut = await as('holdfast_app', 'acme', `TRUNCATE ${name} CASCADE`)
      assert.equal(cut.state, NOT_ALLOWED, `${name}: truncate`)
    }
  })

  test('tells by no unique key and no reference whether another tenant has a row', async () => {
    const keys = await tenants.admin<{ key: string; tenant: boolean }>(
      `
      SELECT i.indrelid::regclass::text || ' (' || string_agg(a.attname, ', ' ORDER BY k.ord) || ')' AS key,
        bool_or(a.attname IN ('tenant', 'tenant_id')) AS tenant
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(num, ord), pg_attribute a
      WHERE i.indisunique AND a.attrelid = i.indrelid AND a.attnum = k.num
        AND i.indrelid::regclass::text = ANY($1) GROUP BY i.indexrelid, i.indrelid`,
      [tables.map(({ name }) => name)],
    )
    const without = keys.filter(({ tenant }) => !tenant).map(({ key }) => key)
    assert.deepEqual(new Set(without), UNIQUE_WITHOUT_TENANT)
    const references = await tenants.admin(
      `
      SELECT conname FROM pg_constraint c WHERE contype = 'f' AND conrelid::regclass::text = ANY($1)
        AND NOT EXISTS (SELECT FROM unnest(conkey) AS num JOIN pg_attribute a
          ON a.attrelid = conrelid AND a.attnum = num AND a.attname IN ('tenant', 'tenant_id'))`,
      [tables.map(({ name }) => name)],
    )
    assert.deepEqual(references, [])
  })
})

describe('the role of operations', () => {
  test('owns nothing, bypasses nothing, and is no superuser', async () => {
    const roles = await tenants.admin(`
      SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles
      WHERE rolname LIKE 'holdfast\\_%' AND rolname IN ('holdfast_app', 'holdfast_loops', 'holdfast_backup')`)
    assert.equal(roles.length, 3)
    for (const { rolname, ...rights } of roles) {
      assert.deepEqual(new Set(Object.values(rights)), new Set([false]), rolname)
    }
    const owned = await tenants.admin(
      `SELECT relname FROM pg_class WHERE relowner IN (SELECT oid FROM pg_roles WHERE rolname IN ('holdfast_app', 'holdfast_loops'))`,
    )
    assert.deepEqual(owned, [])
  })

  test('may add to the audit trail and take nothing away from it', async () => {
    const refused = [
      'DELETE FROM holdfast.audit_entries',
      `UPDATE holdfast.audit_entries SET actor = 'nobody'`,
      `DELETE FROM holdfast.audit_entries WHERE tenant = 'acme'`,
      'TRUNCATE holdfast.audit_entries',
      'DELETE FROM holdfast.events',
      `UPDATE holdfast.events SET payload = '{}'`,
    ]
    for (const role of ['holdfast_app', 'holdfast_loops', 'holdfast_backup'] as const) {
      for (const text of refused)
        assert.equal((await as(role, 'acme', text)).state, NOT_ALLOWED, text)
    }
  })

  test('reads no hash of a key, its own neither, and makes no key of another tenant', async () => {
    for (const text of [
      'SELECT hash FROM holdfast.api_keys',
      'SELECT * FROM holdfast.api_keys',
      'SELECT k FROM holdfast.api_keys k',
      'SELECT id FROM holdfast.api_keys WHERE hash IS NOT NULL',
      'SELECT to_jsonb(k) FROM holdfast.api_keys k',
      'UPDATE holdfast.api_keys SET revoked_at = NULL RETURNING hash',
      `UPDATE holdfast.api_keys SET roles = '{merchant}'`,
      `UPDATE holdfast.api_keys SET tenant = 'acme'`,
      'DELETE FROM holdfast.api_keys',
    ]) {
      assert.equal((await as('holdfast_app', 'acme', text)).state, NOT_ALLOWED, text)
    }
    const revoke = `UPDATE holdfast.api_keys SET revoked_at = now()`
    const { count } = await as('holdfast_app', 'acme', revoke)
    const [own] = await tenants.admin(
      `SELECT count(*)::int AS count FROM holdfast.api_keys WHERE tenant = 'acme'`,
    )
    assert.equal(count, own?.count)
  })

  test('chooses no place in the event log, and does no work of the loops', async () => {
    for (const text of [
      `INSERT INTO holdfast.events (position, id, tenant, name, payload) VALUES (1, gen_random_uuid(), 'acme', 'a.b', '{}')`,
      `SELECT setval('holdfast.event_position', 1)`,
      'SELECT * FROM holdfast.subscriptions',
      'SELECT * FROM holdfast.job_workers',
      'SELECT * FROM holdfast.quotas',
      `SELECT * FROM holdfast.lease_quotas('{a}', '{b}', '{1}', '{1}', '{0}', '{1}', '{0}')`,
      'UPDATE holdfast.jobs SET run_at = now()',
      'DELETE FROM holdfast.jobs',
      'UPDATE holdfast.running_jobs SET lease = 0',
      'DELETE FROM holdfast.dead_jobs',
      'DELETE FROM holdfast.parked_events',
      `INSERT INTO holdfast.job_history SELECT * FROM holdfast.job_history`,
      'CREATE TABLE public.mine (id int)',
      'CREATE TABLE holdfast.mine (id int)',
      'ALTER TABLE orders DISABLE ROW LEVEL SECURITY',
      'DROP TABLE orders',
      'CREATE FUNCTION holdfast.tenant() RETURNS text LANGUAGE sql AS $$ SELECT $$',
      `INSERT INTO holdfast.migrations DEFAULT VALUES`,
      `UPDATE holdfast.table_owners SET module = 'mine'`,
    ]) {
      assert.equal((await as('holdfast_app', 'acme', text)).state, NOT_ALLOWED, text)
    }
  })
})

test('no view and no function stands beside the walls', async () => {
  const views = await tenants.admin(
    `SELECT relname FROM pg_class WHERE relkind IN ('v', 'm')
       AND relnamespace IN ('public'::regnamespace, 'holdfast'::regnamespace)
       AND NOT ('security_invoker=true' = ANY(coalesce(reloptions, '{}')))`,
  )
  const functions = await tenants.admin(
    `SELECT proname FROM pg_proc WHERE prosecdef
       AND pronamespace IN ('public'::regnamespace, 'holdfast'::regnamespace)`,
  )
  assert.deepEqual([views, functions], [[], []])
})

test('the loops see the work of all tenants and the domain of none', async () => {
  for (const { name } of tables) {
    const { rows, state } = await as('holdfast_loops', '', `SELECT count(*)::int AS n FROM ${name}`)
    if (name.startsWith('holdfast.')) assert.ok(rows[0]?.n >= 2 || state === NOT_ALLOWED, name)
    else assert.equal(state, NO_TENANT, name)
  }
})

test('the backup reads everything and writes nothing', async () => {
  for (const { name, column } of tables) {
    const text = `SELECT count(DISTINCT ${column})::int AS n FROM ${name}`
    const { rows } = await as('holdfast_backup', undefined, text)
    assert.equal(rows[0]?.n, 2, name)
    assert.equal((await as('holdfast_backup', 'acme', `DELETE FROM ${name}`)).state, NOT_ALLOWED)
  }
})

test('the login role itself sees no row of a tenant without becoming one of these', async () => {
  for (const { name } of tables) {
    const { rows, state } = await as('none', undefined, `SELECT count(*)::int AS n FROM ${name}`)
    assert.ok(state === NO_TENANT || rows[0]?.n === 0, `${name}: ${state} ${JSON.stringify(rows)}`)
  }
})
