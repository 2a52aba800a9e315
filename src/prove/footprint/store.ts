/** What the catalog says of the tables of a race. */
import type pg from 'pg'

export interface TableRow {
  readonly schema: string
  readonly name: string
  readonly view: boolean
  readonly oid: number
  /**
   * A column of the primary key: rows that differ in it are not the same. Of several the first that
   * does not name a tenant, which all commands of a race may share.
   */
  readonly key: string | null
  readonly keyType: string | null
  /** The primary key has no other column. */
  readonly keyAlone: boolean | null
  /** Columns that decide what stands in unique or exclusion indexes. */
  readonly unique: readonly string[]
  /** Each unique index with its columns, without expressions; undefined where one compares otherwise. */
  readonly indexes: readonly (readonly UniqueColumn[])[] | null
  /** A default draws from a sequence. */
  readonly draws: boolean
  /** A default draws from a sequence that is not the table's own. */
  readonly sharesSequence: boolean
  /** Sums of its numbers depend on the order in which they are added. */
  readonly floats: boolean
  /** Of a view that is not materialized: its query. */
  readonly definition: string | null
  /** User triggers, rules, or policies that look beyond their row: code that this cannot read. */
  readonly opaque: boolean
}

export interface UniqueColumn {
  readonly name: string
  readonly type: string
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

/** Without those that the index only carries along (INCLUDE). */
const KEY_COLUMNS = '(i.indkey::int2[])[0:i.indnkeyatts - 1]'

export async function readTables(client: pg.Client): Promise<TableRow[]> {
  const { rows } = await client.query<TableRow>(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid::int AS oid, c.relkind IN ('v', 'm') AS view,
            pk.name AS key, pk.type AS "keyType", pk.alone AS "keyAlone",
            ARRAY(SELECT DISTINCT a.attname::text FROM pg_index i, pg_attribute a
                   WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
                     AND a.attrelid = c.oid AND a.attnum > 0
                     AND (a.attnum = ANY (i.indkey) OR 0 = ANY (i.indkey) OR i.indpred IS NOT NULL
                       OR EXISTS (SELECT FROM pg_attribute v WHERE v.attrelid = c.oid
                         AND v.attnum = ANY (i.indkey) AND v.attgenerated <> ''))) AS unique,
            (SELECT CASE WHEN bool_or(i.indisexclusion OR i.indnullsnotdistinct
                      OR EXISTS (SELECT FROM pg_collation l WHERE l.oid = ANY (i.indcollation) AND NOT l.collisdeterministic)) THEN NULL ELSE
                    jsonb_agg((SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname,
                        'type', CASE WHEN EXISTS (SELECT FROM pg_collation l
                            WHERE l.oid = a.attcollation AND NOT l.collisdeterministic)
                          THEN 'folded' ELSE format_type(a.atttypid, NULL) END)), '[]')
                       FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attnum = ANY (${KEY_COLUMNS}))) END
               FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)) AS indexes,
            EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> '')
              OR EXISTS (SELECT FROM pg_attrdef f WHERE f.adrelid = c.oid
                AND pg_get_expr(f.adbin, c.oid) ~ 'nextval') AS draws,
            EXISTS (SELECT FROM pg_attrdef f
                      JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                      JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
                     WHERE f.adrelid = c.oid AND d.refclassid = 'pg_class'::regclass
                       AND NOT EXISTS (SELECT FROM pg_depend o
                         WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid
                           AND o.refobjid = c.oid AND o.deptype IN ('a', 'i'))) AS "sharesSequence",
            EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
              AND a.atttypid IN ('float4'::regtype, 'float8'::regtype)) AS floats,
            CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END AS definition,
            EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
              OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND c.relkind NOT IN ('v', 'm'))
              OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND (
                concat(pg_get_expr(p.polqual, c.oid), ' ', pg_get_expr(p.polwithcheck, c.oid))
                  ~* '\\m(select|pg_(?!catalog)|txid_|set_config|nextval)'))
              OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid OR h.inhrelid = c.oid) AS opaque
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN LATERAL (
         SELECT a.attname::text AS name, a.atttypid::regtype::text AS type, i.indnkeyatts = 1 AS alone
           FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (${KEY_COLUMNS})
          WHERE i.indrelid = c.oid AND i.indisprimary
            AND NOT EXISTS (SELECT FROM pg_collation l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic)
          ORDER BY a.attname ~ 'tenant', array_position(i.indkey::int2[], a.attnum) LIMIT 1) pk ON true
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
  readonly oid: number
  readonly name: string
  /** Of one row: `row.name` calls it too. */
  readonly ofRow: boolean
  readonly language: string
  readonly body: string
}

/** What their functions do is known: they compute, or draw at random. */
const HARMLESS_EXTENSIONS = [
  'plpgsql',
  'pgcrypto',
  'uuid-ossp',
  'citext',
  'hstore',
  'pg_trgm',
  'unaccent',
  'fuzzystrmatch',
  'btree_gin',
  'btree_gist',
  'intarray',
  'ltree',
  'cube',
  'earthdistance',
  'vector',
]

/** Functions of the user, and those of extensions that may do anything: some run texts. */
export async function readFunctions(client: pg.Client): Promise<FunctionRow[]> {
  const { rows } = await client.query<FunctionRow>(
    `SELECT p.oid::int AS oid, p.proname::text AS name,
            p.pronargs = 1 AND EXISTS (SELECT FROM pg_type t
              WHERE t.oid = p.proargtypes[0] AND t.typtype = 'c') AS "ofRow",
            CASE WHEN x.extname IS NULL THEN l.lanname::text ELSE 'extension' END AS language,
            CASE WHEN p.prokind = 'f' THEN concat(pg_get_expr(p.proargdefaults, 0), ' ',
              coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)) ELSE 'call' END AS body
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
       LEFT JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
       LEFT JOIN pg_extension x ON x.oid = e.refobjid
      WHERE ${OWN} AND (x.extname IS NULL OR (p.provolatile <> 'i' AND x.extname <> ALL ($1)))`,
    [HARMLESS_EXTENSIONS],
  )
  return rows
}

/** `plain`: functions that touch nothing but what they are given. */
export async function readDatabase(
  client: pg.Client,
  plain: readonly number[],
): Promise<DatabaseRow> {
  const { rows } = await client.query<DatabaseRow>(
    `SELECT EXISTS (SELECT FROM pg_constraint WHERE condeferrable)
              OR EXISTS (SELECT FROM pg_trigger WHERE tgdeferrable AND NOT tgisinternal) AS defers,
            EXISTS (SELECT FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid
                      JOIN pg_namespace n ON n.oid = p.pronamespace
                     WHERE d.refclassid = 'pg_proc'::regclass AND ${OWN} AND ${NOT_OF_EXTENSION}
                       AND p.oid <> ALL ($1::int[]::oid[])
                       AND d.classid NOT IN ('pg_trigger'::regclass, 'pg_proc'::regclass)) AS hidden`,
    [plain],
  )
  return rows[0] ?? { defers: true, hidden: true }
}
