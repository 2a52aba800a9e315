/** Products with a stock that the test knows. */
import type { Tenant } from '../example/shop/shared/roles.ts'
import { uuidv7 } from '../src/base/id.ts'
import type { AppDatabase } from './app-database.ts'

export interface TestProduct {
  readonly sku: string
  readonly stock: number
}

const PRICE_MINOR = 1_999

export async function addProducts(
  database: AppDatabase,
  tenant: Tenant,
  products: readonly TestProduct[],
): Promise<void> {
  const column = <K extends keyof TestProduct>(name: K) => products.map((each) => each[name])
  const ids = products.map(() => uuidv7())
  await database.inTenant(tenant, {
    text: `INSERT INTO products (id, sku, name, price_minor, currency, stock)
SELECT id, sku, 'Thing ' || sku, $4, 'EUR', stock
FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS product (id, sku, stock)`,
    values: [ids, column('sku'), column('stock'), PRICE_MINOR],
  })
}
