/** What the catalog says of the tables of a race. */
import type pg from 'pg'

export interface TableRow {
  readonly schema: string
  readonly name: string
  readonly view: boolean
  readonly oid: number
  /** Column of a primary key of one column of a type whose texts are compared safely. */
  readonly key: string | null
  readonly keyType: string | null
  /** Columns that decide what stands in unique or exclusion indexes. */
  readonly unique: readonly string[]
  /** A default draws from a sequence that is not the table's own. */
  readonly sharesSequence: boolean
  /** User triggers, rules or policies: code that this cannot read. */
  readonly opaque: boolean
}

export interface ReferenceRow {
  readonly child: number
  readonly parent: number
  readonly childColumns: readonly string[]
  readonly parentColumns: readonly string[]
  /** A delete or update of the parent writes the child. */
  readonly cascades: boolean
}

export interface DatabaseRow {
  /** Deferrable constraints: COMMIT checks them. */
  readonly defers: boolean
  /** User functions in defaults, constraints, indexes, operators or casts. */
  readonly hidden: boolean
}

const NOT_OF_EXTENSION = `NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e')`
const OWN = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'holdfast_seed')`

export async function readTables(client: pg.Client): Promise<TableRow[]> {
  const { rows } = await client.query<TableRow>(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid::int AS oid, c.relkind IN ('v', 'm') AS view,
            pk.name AS key, pk.type AS "keyType",
            ARRAY(SELECT DISTINCT a.attname::text FROM pg_index i, pg_attribute a
                   WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
                     AND a.attrelid = c.oid AND a.attnum > 0
                     AND (a.attnum = ANY (i.indkey) OR 0 = ANY (i.indkey) OR i.indpred IS NOT NULL
                       OR EXISTS (SELECT FROM pg_attribute v WHERE v.attrelid = c.oid
                         AND v.attnum = ANY (i.indkey) AND v.attgenerated <> ''))) AS unique,
            EXISTS (SELECT FROM pg_attrdef f
                      JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                      JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
                     WHERE f.adrelid = c.oid AND d.refclassid = 'pg_class'::regclass
                       AND NOT EXISTS (SELECT FROM pg_depend o
                         WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid
                           AND o.refobjid = c.oid AND o.deptype IN ('a', 'i'))) AS "sharesSequence",
            EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
              OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND c.relkind NOT IN ('v', 'm'))
              OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
              OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid OR h.inhrelid = c.oid) AS opaque
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN LATERAL (
         SELECT a.attname::text AS name, a.atttypid::regtype::text AS type
           FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
          WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
            AND NOT EXISTS (SELECT FROM pg_collation l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic)) pk ON true
      WHERE c.relkind IN ('r', 'p', 'v', 'm') AND ${OWN}`,
  )
  return rows
}

export async function readReferences(client: pg.Client): Promise<ReferenceRow[]> {
  const names = (table: string, key: string) =>
    `ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = k.${table} AND a.attnum = ANY (k.${key}))`
  const { rows } = await client.query<ReferenceRow>(
    `SELECT conrelid::int AS child, confrelid::int AS parent,
            ${names('conrelid', 'conkey')} AS "childColumns",
            ${names('confrelid', 'confkey')} AS "parentColumns",
            confupdtype IN ('c', 'n', 'd') OR confdeltype IN ('c', 'n', 'd') AS cascades
       FROM pg_constraint k WHERE contype = 'f'`,
  )
  return rows
}

/** View (or what hangs together by inheritance) and the relations behind it. */
export async function readViews(client: pg.Client): Promise<{ view: number; base: number }[]> {
  const { rows } = await client.query<{ view: number; base: number }>(
    `SELECT DISTINCT r.ev_class::int AS view, d.refobjid::int AS base
       FROM pg_rewrite r JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass
      WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class`,
  )
  return rows
}

export interface FunctionRow {
  readonly name: string
  /** Of one row: `row.name` calls it too. */
  readonly ofRow: boolean
}

export async function readFunctions(client: pg.Client): Promise<FunctionRow[]> {
  const { rows } = await client.query<FunctionRow>(
    `SELECT p.proname::text AS name,
            bool_or(p.pronargs = 1 AND EXISTS (SELECT FROM pg_type t
              WHERE t.oid = p.proargtypes[0] AND t.typtype = 'c')) AS "ofRow"
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE ${OWN} AND ${NOT_OF_EXTENSION} GROUP BY p.proname`,
  )
  return rows
}

export async function readDatabase(client: pg.Client): Promise<DatabaseRow> {
  const { rows } = await client.query<DatabaseRow>(
    `SELECT EXISTS (SELECT FROM pg_constraint WHERE condeferrable)
              OR EXISTS (SELECT FROM pg_trigger WHERE tgdeferrable AND NOT tgisinternal) AS defers,
            EXISTS (SELECT FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid
                      JOIN pg_namespace n ON n.oid = p.pronamespace
                     WHERE d.refclassid = 'pg_proc'::regclass AND ${OWN} AND ${NOT_OF_EXTENSION}
                       AND d.classid <> 'pg_trigger'::regclass) AS hidden`,
  )
  return rows[0] ?? { defers: true, hidden: true }
}
