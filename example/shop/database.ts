// Row types of the migrated database, written by `holdfast types`. Change a migration instead.
import type { Generated, GeneratedAlways } from 'kysely'

export interface Database {
  confirmations: ConfirmationsTable
  order_lines: OrderLinesTable
  orders: OrdersTable
  product_sales: ProductSalesTable
  products: ProductsTable
}

export interface ConfirmationsTable {
  tenant_id: Generated<string>
  order_id: string
  message_id: string
  recipient: string
  sent_at: Generated<string>
}

export interface OrderLinesTable {
  tenant_id: Generated<string>
  order_id: string
  line_no: number
  product_id: string
  sku: string
  name: string
  unit_price_minor: number
  quantity: number
  line_total_minor: GeneratedAlways<number>
}

export interface OrdersTable {
  tenant_id: Generated<string>
  id: string
  customer_id: string
  email: string | null
  status: Generated<string>
  currency: string
  total_minor: number
  placed_at: Generated<string>
  cancelled_at: string | null
}

export interface ProductSalesTable {
  tenant_id: Generated<string>
  product_id: string
  sku: string
  currency: string
  orders_count: number
  units: number
  revenue_minor: number
  updated_at: Generated<string>
}

export interface ProductsTable {
  tenant_id: Generated<string>
  id: string
  sku: string
  name: string
  description: Generated<string>
  price_minor: number
  currency: string
  stock: number
  active: Generated<boolean>
  version: Generated<number>
  created_at: Generated<string>
  updated_at: Generated<string>
  name_folded: GeneratedAlways<string>
}
