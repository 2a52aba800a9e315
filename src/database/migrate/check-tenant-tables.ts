/**
 * The catalog lint of tenancy: every relation with a column `tenant_id` outside the framework's own
 * schema must keep tenants apart by itself. Extensions' tables and partitions' inherited indexes
 * and keys are left to their parents.
 */
import { HoldfastError } from '../../base/fault.ts'
import type { CatalogReader } from './catalog-reader.ts'

export type TenantRule =
  /** Row level security is off, so policies do not count. */
  | 'rls-off'
  /** The owner, which the app logs in as, is not bound. */
  | 'rls-not-forced'
  | 'no-policy'
  /** A policy for everybody or for the app does not look at tenant_id. */
  | 'open-policy'
  /** A row without a tenant passes foreign keys and unique keys. */
  | 'nullable-tenant'
  /** A unique key across tenants tells one tenant what another one has. */
  | 'unique-across-tenants'
  /** Foreign-key checks bypass row level security. */
  | 'foreign-key-across-tenants'
  /** A view reads with its owner's eyes. */
  | 'view-of-owner'
  /** Materialised views and foreign tables know no policy. */
  | 'no-rls-possible'
  /** A dump as holdfast_backup would lack these rows, or fail on them. */
  | 'not-in-backup'

export interface TenantFinding {
  /** Qualified and quoted. */
  readonly table: string
  readonly rule: TenantRule
  /** The app must not start with an `error`; a `warning` endangers no tenant. */
  readonly severity: 'error' | 'warning'
  readonly message: string
  /** Statements that mend it, as they would stand in a migration. */
  readonly sql: string
}

interface Relation {
  readonly oid: string
  readonly name: string
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f'
  readonly enabled: boolean
  readonly forced: boolean
  readonly required: boolean
  readonly type: string
  readonly invoker: boolean
  /** The app may read it at all. */
  readonly readable: boolean
}

interface Policy {
  readonly table: string
  readonly name: string
  readonly permissive: boolean
  /** pg_policy.polcmd: r, a, w, d, or * for all. */
  readonly command: string
  readonly roles: readonly string[]
  readonly using: string | null
  readonly check: string | null
}

interface UniqueKey {
  readonly table: string
  readonly name: string
  /** The clause behind ADD CONSTRAINT; null for a plain index. */
  readonly constraint: string | null
  readonly definition: string
  readonly columns: readonly string[]
  readonly isGlobal: boolean
}

interface ForeignKey {
  readonly table: string
  readonly target: string
  readonly name: string
  readonly columns: readonly string[]
  readonly targetColumns: readonly string[]
}

/** Reads the catalog with four statements. `error` findings first. */
export async function checkTenantTables(client: CatalogReader): Promise<TenantFinding[]> {
  const { rows: relations } = await client.query<Relation>(RELATIONS)
  const { rows: policies } = await client.query<Policy>(POLICIES)
  const { rows: uniqueKeys } = await client.query<UniqueKey>(UNIQUE_KEYS)
  const { rows: foreignKeys } = await client.query<ForeignKey>(FOREIGN_KEYS)
  const findings = relations.flatMap((relation) => {
    const isOf = ({ table }: { readonly table: string }) => table === relation.oid
    if (relation.kind === 'v') return checkView(relation)
    if (relation.kind === 'm' || relation.kind === 'f') return checkUnprotected(relation)
    return [
      ...checkRows(relation),
      ...checkPolicies(relation, policies.filter(isOf)),
      ...uniqueKeys.filter(isOf).flatMap((key) => checkUnique(relation, key)),
      ...foreignKeys.filter(isOf).flatMap((key) => checkForeign(relation, key, relations)),
    ]
  })
  return findings.sort((left, right) => left.severity.localeCompare(right.severity))
}

/** For the start of an app: HF_TENANT_TABLES with every `error` finding and its SQL. */
export async function assertTenantTables(client: CatalogReader): Promise<void> {
  const errors = (await checkTenantTables(client)).filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return
  const list = errors.map(({ message, sql }) => `\n- ${message}\n${sql}`).join('')
  throw new HoldfastError('HF_TENANT_TABLES', `${list}\n`, { facts: { findings: errors } })
}

function finding(
  relation: Relation,
  rule: TenantRule,
  message: string,
  sql: string,
): TenantFinding {
  const severity = rule === 'not-in-backup' ? 'warning' : 'error'
  return { table: relation.name, rule, severity, message: `${relation.name}: ${message}`, sql }
}

function checkView(relation: Relation): TenantFinding[] {
  if (relation.invoker || !relation.readable) return []
  const message = 'the view reads with the rights of its owner, not of who asks.'
  const sql = `ALTER VIEW ${relation.name} SET (security_invoker = true);`
  return [finding(relation, 'view-of-owner', message, sql)]
}

function checkUnprotected(relation: Relation): TenantFinding[] {
  if (!relation.readable) return []
  const kind = relation.kind === 'm' ? 'a materialised view' : 'a foreign table'
  const message = `${kind} cannot have row level security; keep a table by a projection instead.`
  const sql = `REVOKE ALL ON ${relation.name} FROM PUBLIC, holdfast_app;`
  return [finding(relation, 'no-rls-possible', message, sql)]
}

function checkRows(relation: Relation): TenantFinding[] {
  const alter = `ALTER TABLE ${relation.name}`
  const found: TenantFinding[] = []
  if (!relation.enabled) {
    const sql = `${alter} ENABLE ROW LEVEL SECURITY;`
    found.push(finding(relation, 'rls-off', 'row level security is off.', sql))
  }
  if (!relation.forced) {
    const sql = `${alter} FORCE ROW LEVEL SECURITY;`
    found.push(finding(relation, 'rls-not-forced', 'its owner is not bound by policies.', sql))
  }
  if (!relation.required) {
    const sql = `${alter} ALTER COLUMN tenant_id SET NOT NULL;`
    found.push(finding(relation, 'nullable-tenant', 'tenant_id may be NULL.', sql))
  }
  return found
}

/** `holdfast.tenant()` is text. */
function tenantTest(relation: Relation): string {
  const cast = relation.type === 'text' ? '' : `::${relation.type}`
  return `tenant_id = holdfast.tenant()${cast}`
}

function checkPolicies(relation: Relation, policies: readonly Policy[]): TenantFinding[] {
  const permissive = policies.filter((policy) => policy.permissive)
  if (permissive.length === 0) {
    const sql = `CREATE POLICY tenant ON ${relation.name} USING (${tenantTest(relation)});`
    return [
      finding(relation, 'no-policy', 'no policy lets anybody see a row.', sql),
      ...checkBackup(relation, permissive),
    ]
  }
  const isFenced = policies.some((policy) => !policy.permissive && isFence(policy))
  const open = isFenced ? [] : permissive.filter(isOpenToApp)
  return [
    ...open.map((policy) => openPolicy(relation, policy)),
    ...checkBackup(relation, permissive),
  ]
}

function isFence({ command, roles, using }: Policy): boolean {
  return command === '*' && roles.includes('public') && looksAtTenant(using)
}

/** An absent expression lets nothing through: Postgres adds no permissive test for it. */
function isOpenToApp({ roles, using, check }: Policy): boolean {
  if (!roles.includes('public') && !roles.includes('holdfast_app')) return false
  return [using, check].some((expression) => expression !== null && !looksAtTenant(expression))
}

function looksAtTenant(expression: string | null): boolean {
  return expression !== null && /\btenant_id\b/.test(expression)
}

function openPolicy(relation: Relation, { name, command }: Policy): TenantFinding {
  const test = tenantTest(relation)
  const using = command === 'a' ? '' : ` USING (${test})`
  const check = command === 'a' || command === 'w' || command === '*' ? ` WITH CHECK (${test})` : ''
  return finding(
    relation,
    'open-policy',
    `the policy ${name} lets rows of other tenants through.`,
    `ALTER POLICY ${quoted(name)} ON ${relation.name}${using}${check};`,
  )
}

function checkBackup(relation: Relation, permissive: readonly Policy[]): TenantFinding[] {
  const isCovered = permissive.some(
    ({ roles, command, using }) =>
      roles.includes('holdfast_backup') && 'r*'.includes(command) && using === 'true',
  )
  if (isCovered) return []
  const sql = `CREATE POLICY backup ON ${relation.name} FOR SELECT TO holdfast_backup USING (true);`
  return [finding(relation, 'not-in-backup', 'holdfast_backup cannot dump it.', sql)]
}

function checkUnique(relation: Relation, key: UniqueKey): TenantFinding[] {
  if (key.isGlobal || key.columns.includes('tenant_id')) return []
  const message = `the unique key ${key.name} does not include tenant_id (a comment "@global <reason>" on it allows that).`
  return [finding(relation, 'unique-across-tenants', message, uniqueWithTenant(relation, key))]
}

function uniqueWithTenant({ name: table }: Relation, key: UniqueKey): string {
  if (key.constraint === null) {
    const definition = key.definition.replace(/ USING (\w+) \(/, ' USING $1 (tenant_id, ')
    return `DROP INDEX ${key.name};\n${definition};`
  }
  const first = key.constraint.startsWith('EXCLUDE') ? '(tenant_id WITH =, ' : '(tenant_id, '
  const clause = key.constraint.replace('(', first)
  return `ALTER TABLE ${table} DROP CONSTRAINT ${key.name};\nALTER TABLE ${table} ADD CONSTRAINT ${key.name} ${clause};`
}

function checkForeign(
  relation: Relation,
  key: ForeignKey,
  relations: readonly Relation[],
): TenantFinding[] {
  const target = relations.find(({ oid }) => oid === key.target)
  const isPaired = key.columns.some(
    (column, at) => column === 'tenant_id' && key.targetColumns[at] === 'tenant_id',
  )
  if (target === undefined || isPaired) return []
  const from = ['tenant_id', ...key.columns].map(quoted).join(', ')
  const to = ['tenant_id', ...key.targetColumns].map(quoted).join(', ')
  const alter = `ALTER TABLE ${relation.name}`
  return [
    finding(
      relation,
      'foreign-key-across-tenants',
      `the foreign key ${key.name} to ${target.name} does not include tenant_id.`,
      `${alter} DROP CONSTRAINT ${key.name};\n${alter} ADD CONSTRAINT ${key.name} FOREIGN KEY (${from}) REFERENCES ${target.name} (${to});`,
    ),
  ]
}

/** As Postgres prints it: bare where it may be. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

const RELATIONS = `
  SELECT c.oid::text, format('%I.%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
    c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, a.attnotnull AS required,
    format_type(a.atttypid, NULL) AS type,
    coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o
               WHERE o.option_name = 'security_invoker'), false) AS invoker,
    EXISTS (SELECT FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) g
             WHERE g.privilege_type = 'SELECT'
               AND (g.grantee = 0 OR pg_get_userbyid(g.grantee) = 'holdfast_app')) AS readable
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a
      ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
     AND n.nspname NOT IN ('holdfast', 'information_schema') AND n.nspname !~ '^pg_'
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   ORDER BY name`

const POLICIES = `
  SELECT p.polrelid::text AS table, p.polname::text AS name, p.polpermissive AS permissive,
    p.polcmd::text AS command, pg_get_expr(p.polqual, p.polrelid) AS using,
    pg_get_expr(p.polwithcheck, p.polrelid) AS check,
    (SELECT array_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END)
       FROM unnest(p.polroles) r) AS roles
    FROM pg_catalog.pg_policy p ORDER BY p.polname`

const UNIQUE_KEYS = `
  SELECT i.indrelid::text AS table, CASE WHEN k.oid IS NULL THEN format('%I.%I', n.nspname, c.relname)
         ELSE format('%I', c.relname) END AS name,
    pg_get_constraintdef(k.oid) AS constraint, pg_get_indexdef(i.indexrelid) AS definition,
    coalesce((SELECT array_agg(a.attname::text ORDER BY x.place)
                FROM unnest(i.indkey::int2[]) WITH ORDINALITY x (attnum, place)
                JOIN pg_catalog.pg_attribute a
                  ON a.attrelid = i.indrelid AND a.attnum = x.attnum
               WHERE x.place <= i.indnkeyatts), '{}') AS columns,
    coalesce(obj_description(i.indexrelid, 'pg_class') ~ '^@global\\s+\\S', false)
      OR coalesce(obj_description(k.oid, 'pg_constraint') ~ '^@global\\s+\\S', false) AS "isGlobal"
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND NOT c.relispartition
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_constraint k
      ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
   WHERE i.indisunique OR i.indisexclusion
   ORDER BY c.relname`

const FOREIGN_KEYS = `
  SELECT k.conrelid::text AS table, k.confrelid::text AS target, format('%I', k.conname) AS name,
    (SELECT array_agg(a.attname::text ORDER BY x.place)
       FROM unnest(k.conkey) WITH ORDINALITY x (attnum, place)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.attnum) AS columns,
    (SELECT array_agg(a.attname::text ORDER BY x.place)
       FROM unnest(k.confkey) WITH ORDINALITY x (attnum, place)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.attnum)
      AS "targetColumns"
    FROM pg_catalog.pg_constraint k
   WHERE k.contype = 'f' AND k.conparentid = 0
   ORDER BY k.conname`
