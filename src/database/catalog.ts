/**
 * What the guard must know of the database, read once at start: whose each table is, and which
 * columns pick out one row of it.
 */
import type { Pool } from './pool.ts'
import type { Rows, Statement } from './statement.ts'

export interface CatalogTable {
  readonly schema: string
  readonly name: string
  /** The module whose migrations made it; undefined for tables made by hand. */
  readonly owner: string | undefined
  /** Columns and their types, as format_type writes these. */
  readonly columns: ReadonlyMap<string, string>
  /** Column sets that pick out at most one row. */
  readonly uniqueKeys: readonly (readonly string[])[]
  /** The column that row level security holds to the tenant: it need not be named in a WHERE. */
  readonly tenantColumn: string | undefined
}

export type FunctionTrait = 'aggregate' | 'set' | 'volatile'

export interface CatalogFacts {
  /** Where the app's role finds a table without a schema, in order. */
  readonly searchPath: readonly string[]
  readonly tables: readonly CatalogTable[]
  /** Functions that are more than a value of their arguments, by bare name. */
  readonly functions: ReadonlyMap<string, ReadonlySet<FunctionTrait>>
}

const NO_TRAITS: ReadonlySet<FunctionTrait> = new Set()

export class Catalog {
  readonly #searchPath: readonly string[]
  readonly #tables: ReadonlyMap<string, CatalogTable>
  readonly #functions: CatalogFacts['functions']

  constructor(facts: CatalogFacts) {
    this.#searchPath = facts.searchPath
    this.#tables = new Map(facts.tables.map((table) => [keyOf(table.schema, table.name), table]))
    this.#functions = facts.functions
  }

  /** The table that a name means to the app; undefined where it is none that was there at start. */
  table(schema: string | undefined, name: string): CatalogTable | undefined {
    if (schema !== undefined) return this.#tables.get(keyOf(schema, name))
    for (const each of this.#searchPath) {
      const found = this.#tables.get(keyOf(each, name))
      if (found !== undefined) return found
    }
    return undefined
  }

  ownerOf(schema: string | undefined, name: string): string | undefined {
    return this.table(schema, name)?.owner
  }

  traitsOf(functionName: string): ReadonlySet<FunctionTrait> {
    return this.#functions.get(functionName) ?? NO_TRAITS
  }
}

function keyOf(schema: string, name: string): string {
  return `${schema}\0${name}`
}

// The name without a schema is looked up by the role that runs operations: "$user" differs by role.
const AS_APP: Statement = { text: `SELECT set_config('role', 'holdfast_app', true)`, values: [] }

const SEARCH_PATH: Statement = {
  text: 'SELECT current_schemas(false)::text[] AS path',
  values: [],
}

// Whoever writes a view writes its table: a view over tables of one module is that module's.
const TABLES: Statement = {
  text: `SELECT n.nspname::text AS schema, c.relname::text AS name,
      coalesce(o.module, v.module) AS owner,
      array_agg(a.attname::text ORDER BY a.attnum) AS columns,
      array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN holdfast.table_owners o ON (o.schema_name, o.table_name) = (n.nspname, c.relname)
    LEFT JOIN LATERAL (
      SELECT min(bo.module) AS module
        FROM pg_catalog.pg_rewrite r
        JOIN pg_catalog.pg_depend d ON d.objid = r.oid
         AND d.classid = 'pg_catalog.pg_rewrite'::regclass
         AND d.refclassid = 'pg_catalog.pg_class'::regclass
        JOIN pg_catalog.pg_class b ON b.oid = d.refobjid
        JOIN pg_catalog.pg_namespace bn ON bn.oid = b.relnamespace
        JOIN holdfast.table_owners bo ON (bo.schema_name, bo.table_name) = (bn.nspname, b.relname)
       WHERE r.ev_class = c.oid AND c.relkind = 'v'
      HAVING count(DISTINCT bo.module) = 1
    ) v ON true
   WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
   GROUP BY 1, 2, 3`,
  values: [],
}

// A key of a table that others inherit from (partitions apart) does not bind their rows.
const UNIQUE_KEYS: Statement = {
  text: `SELECT n.nspname::text AS schema, c.relname::text AS name,
      array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
     AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
   WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND NOT i.indisexclusion
     AND i.indpred IS NULL AND i.indexprs IS NULL
     AND NOT (c.relkind = 'r' AND c.relhassubclass)
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
   GROUP BY 1, 2, i.indexrelid`,
  values: [],
}

// Permissive policies are joined by OR: all that let the app read must hold it to the same column.
const POLICIES: Statement = {
  text: `SELECT n.nspname::text AS schema, c.relname::text AS name,
      array_agg(coalesce(pg_get_expr(p.polqual, p.polrelid), 'true')) AS conditions
    FROM pg_catalog.pg_policy p
    JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relrowsecurity AND c.relforcerowsecurity AND p.polpermissive AND p.polcmd IN ('r', '*')
     AND EXISTS (SELECT FROM unnest(p.polroles) AS r (oid)
                  WHERE r.oid = 0 OR pg_has_role('holdfast_app', r.oid, 'USAGE'))
   GROUP BY 1, 2`,
  values: [],
}

const FUNCTIONS: Statement = {
  text: `SELECT proname::text AS name, bool_and(prokind = 'a') AS aggregate,
      bool_or(proretset) AS set, bool_or(provolatile = 'v') AS volatile
    FROM pg_catalog.pg_proc GROUP BY 1
   HAVING bool_and(prokind = 'a') OR bool_or(proretset) OR bool_or(provolatile = 'v')`,
  values: [],
}

interface Named {
  readonly schema: string
  readonly name: string
}

/** Six statements, one round trip, as the role that operations run as. */
export async function loadCatalog(pool: Pool): Promise<Catalog> {
  const statements = [AS_APP, SEARCH_PATH, TABLES, UNIQUE_KEYS, POLICIES, FUNCTIONS]
  const [, path, tables, keys, policies, functions] = (await pool.run(statements, {
    retryLost: true,
  })) as Rows<never>[]
  return new Catalog({
    searchPath: rowsOf<{ path: string[] }>(path)[0]?.path ?? [],
    tables: toTables(rowsOf(tables), rowsOf(keys), rowsOf(policies)),
    functions: new Map(rowsOf<FunctionRow>(functions).map((row) => [row.name, traits(row)])),
  })
}

function rowsOf<R>(rows: Rows<never> | undefined): readonly R[] {
  return rows?.rows ?? []
}

interface TableRow extends Named {
  readonly owner: string | null
  readonly columns: readonly string[]
  readonly types: readonly string[]
}

type KeyRow = Named & { readonly columns: readonly string[] }
type PolicyRow = Named & { readonly conditions: readonly string[] }

function toTables(
  tables: readonly TableRow[],
  keys: readonly KeyRow[],
  policies: readonly PolicyRow[],
): CatalogTable[] {
  const keysOf = Map.groupBy(keys, (row) => keyOf(row.schema, row.name))
  const policyOf = new Map(policies.map((row) => [keyOf(row.schema, row.name), row]))
  return tables.map((row) => {
    const key = keyOf(row.schema, row.name)
    return {
      schema: row.schema,
      name: row.name,
      owner: row.owner ?? undefined,
      columns: new Map(row.columns.map((column, at) => [column, row.types[at] as string])),
      uniqueKeys: (keysOf.get(key) ?? []).map(({ columns }) => columns),
      tenantColumn: tenantColumn(policyOf.get(key)),
    }
  })
}

const TENANT_CONDITION =
  /^\((\w+) = (?:holdfast\.tenant\(\)|\( SELECT holdfast\.tenant\(\) AS tenant\))\)$/

/** The column that every policy holds to the tenant. */
function tenantColumn(policy: PolicyRow | undefined): string | undefined {
  const columns = new Set(policy?.conditions.map((text) => TENANT_CONDITION.exec(text)?.[1]))
  return columns.size === 1 ? [...columns][0] : undefined
}

interface FunctionRow {
  readonly name: string
  readonly aggregate: boolean
  readonly set: boolean
  readonly volatile: boolean
}

function traits(row: FunctionRow): ReadonlySet<FunctionTrait> {
  const all = ['aggregate', 'set', 'volatile'] as const
  return new Set(all.filter((trait) => row[trait]))
}
