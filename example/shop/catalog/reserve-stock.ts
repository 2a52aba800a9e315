import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { LINES_MAX } from '../shared/money.ts'
import { shop } from '../shop.ts'
import { ReserveStock, ReturnStock } from './contract.ts'

interface Wanted {
  readonly sku: string
  readonly quantity: number
}

interface ReservedRow extends Wanted {
  readonly product_id: string
  readonly name: string
  readonly price_minor: number
  readonly currency: string
}

export const reserveStock = shop.handle(ReserveStock, {
  allow: may('orders:write'),
  // The stock is guarded in the statement that takes from it.
  isolation: 'read committed',
  async run({ input, tx, fail }) {
    const reserved = await tx.query(takePieces(input.lines))
    const bySku = new Map(reserved.map((row) => [row.sku, row]))
    const lines = input.lines.flatMap(({ sku: wanted }) => bySku.get(wanted) ?? [])
    if (lines.length === input.lines.length) return { lines }

    const missing = input.lines.map((line) => line.sku).filter((wanted) => !bySku.has(wanted))
    const onSale = new Set((await tx.query(onSaleAmong(missing))).map((row) => row.sku))
    const unknown = missing.filter((wanted) => !onSale.has(wanted))
    if (unknown.length > 0) throw fail.unknownProduct({ skus: unknown })
    throw fail.insufficientStock({ skus: missing })
  },
})

export const returnStock = shop.handle(ReturnStock, {
  allow: may('orders:cancel'),
  // Pieces are added to whatever the stock is by then.
  isolation: 'read committed',
  run({ input, tx }) {
    tx.defer(putBack(input.lines), { rows: input.lines.length })
    return {}
  },
})

/**
 * One guarded UPDATE for all lines. Rows are locked in the order of their ids, so that two orders
 * with the same products never wait for each other in a circle.
 */
function takePieces(lines: readonly Wanted[]): Sql<ReservedRow> {
  const skus = lines.map((line) => line.sku)
  const quantities = lines.map((line) => line.quantity)
  return sql<ReservedRow>`
    WITH wanted AS (
      SELECT product.id, line.quantity
      FROM unnest(${skus}::text[], ${quantities}::integer[]) AS line (sku, quantity)
      JOIN products AS product ON product.sku = line.sku
      ORDER BY product.id
      FOR UPDATE OF product
    )
    UPDATE products AS product SET stock = product.stock - wanted.quantity
    FROM wanted
    WHERE product.id = wanted.id AND product.active AND product.stock >= wanted.quantity
    RETURNING product.id AS product_id, product.sku, product.name, product.price_minor,
      product.currency, wanted.quantity`.bounded(LINES_MAX)
}

function onSaleAmong(skus: readonly string[]): Sql<{ sku: string }> {
  return sql<{ sku: string }>`
    SELECT sku FROM products WHERE sku = ANY(${skus}::text[]) AND active LIMIT ${LINES_MAX}`
}

function putBack(
  lines: readonly { readonly product_id: string; readonly quantity: number }[],
): Sql {
  const ids = lines.map((line) => line.product_id)
  const quantities = lines.map((line) => line.quantity)
  return sql`
    WITH returned AS (
      SELECT product.id, line.quantity
      FROM unnest(${ids}::uuid[], ${quantities}::integer[]) AS line (product_id, quantity)
      JOIN products AS product ON product.id = line.product_id
      ORDER BY product.id
      FOR UPDATE OF product
    )
    UPDATE products AS product SET stock = product.stock + returned.quantity
    FROM returned
    WHERE product.id = returned.id`
}
