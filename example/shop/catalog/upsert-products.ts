/** The good rows of a batch, in one statement: products that are new, and products that change. */
import { type Sql, sql } from '../../../src/database/sql.ts'
import type { UnitOfWork } from '../../../src/operation/unit-of-work-types.ts'
import type { Database } from '../database.ts'
import type { Finding, ProductColumn, ProductRow } from './product-row.ts'

interface Outcome {
  readonly created: number
  readonly updated: number
  readonly refused: readonly Refused[]
}

interface Refused {
  readonly line: number
  readonly sku: string
  /** As the product has it. */
  readonly currency: string | null
  /** Of this file, if it has written the product before. */
  readonly earlier_line: number | null
}

export interface Upserted {
  readonly created: number
  readonly updated: number
  readonly findings: readonly Finding[]
}

export async function upsertProducts(
  tx: UnitOfWork<Database>,
  importId: string,
  columns: readonly ProductColumn[],
  rows: readonly ProductRow[],
): Promise<Upserted> {
  if (rows.length === 0) return { created: 0, updated: 0, findings: [] }
  const ids = rows.map(() => tx.id())
  const { created, updated, refused } = await tx.one(upsert(importId, columns, rows, ids))
  return { created, updated, findings: refused.map(toFinding) }
}

function toFinding({ line, sku, currency, earlier_line }: Refused): Finding {
  if (earlier_line !== null) {
    return { line, column: 'sku', reason: `${sku} stands in line ${earlier_line} already` }
  }
  const kept = currency === null ? 'another currency' : currency
  return { line, column: 'currency', reason: `${sku} is sold in ${kept}, which never changes` }
}

/**
 * Products that are there are locked first, in the order of their ids, as orders lock them: neither
 * waits for the other in a circle. A product that this import has written before, or that has another
 * currency, is left as it is and comes back as refused. What changes nothing is no edit: the version
 * stays. A product that is new has the id that was made for it here: somebody else may have added it
 * since `present` was read.
 */
function upsert(
  importId: string,
  columns: readonly ProductColumn[],
  rows: readonly ProductRow[],
  ids: readonly string[],
): Sql<Outcome> {
  const column = <K extends keyof ProductRow>(name: K) => rows.map((row) => row[name])
  const skus = column('sku')
  const described = columns.includes('description')
  const switched = columns.includes('active')
  return sql<Outcome>`
    WITH incoming AS MATERIALIZED (
      SELECT * FROM unnest(${ids}::uuid[], ${skus}::text[], ${column('name')}::text[],
        ${column('description')}::text[], ${column('price_minor')}::bigint[],
        ${column('currency')}::text[], ${column('stock')}::integer[],
        ${column('active')}::boolean[], ${column('line')}::integer[])
        AS t (id, sku, name, description, price_minor, currency, stock, active, line)
    ), present AS MATERIALIZED (
      SELECT product.sku, product.currency, product.import_id, product.import_line
      FROM products AS product WHERE product.sku = ANY(${skus}::text[])
      ORDER BY product.id FOR UPDATE
    ), written AS (
      INSERT INTO products AS product (id, sku, name, description, price_minor, currency, stock,
        active, import_id, import_line)
      SELECT id, sku, name, description, price_minor, currency, stock, active, ${importId}, line
      FROM incoming WHERE (SELECT count(*) FROM present) >= 0
      ON CONFLICT (tenant_id, sku) DO UPDATE SET
        name = excluded.name,
        description = CASE WHEN ${described} THEN excluded.description ELSE product.description END,
        price_minor = excluded.price_minor,
        active = CASE WHEN ${switched} THEN excluded.active ELSE product.active END,
        import_id = excluded.import_id,
        import_line = excluded.import_line,
        version = product.version + CASE WHEN product.name <> excluded.name
          OR product.price_minor <> excluded.price_minor
          OR (${described} AND product.description <> excluded.description)
          OR (${switched} AND product.active <> excluded.active) THEN 1 ELSE 0 END,
        updated_at = CASE WHEN product.name <> excluded.name
          OR product.price_minor <> excluded.price_minor
          OR (${described} AND product.description <> excluded.description)
          OR (${switched} AND product.active <> excluded.active) THEN now()
          ELSE product.updated_at END
      WHERE product.currency = excluded.currency
        AND product.import_id IS DISTINCT FROM excluded.import_id
      RETURNING product.sku, product.id
    )
    SELECT
      count(*) FILTER (WHERE written.id = incoming.id)::integer AS created,
      count(*) FILTER (WHERE written.id <> incoming.id)::integer AS updated,
      coalesce(jsonb_agg(jsonb_build_object('line', incoming.line, 'sku', incoming.sku,
        'currency', present.currency, 'earlier_line',
        CASE WHEN present.import_id = ${importId} THEN present.import_line END))
        FILTER (WHERE written.sku IS NULL), '[]') AS refused
    FROM incoming
    LEFT JOIN written ON written.sku = incoming.sku
    LEFT JOIN present ON present.sku = incoming.sku`
}
