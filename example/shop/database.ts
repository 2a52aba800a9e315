// Row types of the migrated database, written by `holdfast types`. Change a migration instead.
import type { Generated, GeneratedAlways } from 'kysely'

export interface Database {
  daily_sales_reports: DailySalesReportsTable
  fraud_assessments: FraudAssessmentsTable
  fraud_blocklist: FraudBlocklistTable
  order_lines: OrderLinesTable
  orders: OrdersTable
  payment_ledger: PaymentLedgerTable
  payment_moves: PaymentMovesTable
  payments: PaymentsTable
  product_import_findings: ProductImportFindingsTable
  product_imports: ProductImportsTable
  product_sales: ProductSalesTable
  products: ProductsTable
  sent_mails: SentMailsTable
  shipment_moves: ShipmentMovesTable
  shipments: ShipmentsTable
}

export interface DailySalesReportsTable {
  tenant_id: Generated<string>
  day: string
  csv: string
  built_at: Generated<string>
}

export interface FraudAssessmentsTable {
  tenant_id: Generated<string>
  order_id: string
  customer_id: string
  card_fingerprint: string | null
  total_minor: number
  currency: string
  score: number
  reasons: unknown
  status: string
  assessed_at: Generated<string>
  decided_at: string | null
  decided_by: string | null
  note: string | null
}

export interface FraudBlocklistTable {
  tenant_id: Generated<string>
  id: string
  kind: string
  value: string
  reason: string
  added_by: string
  added_at: Generated<string>
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
  country: string | null
  payment_status: Generated<string>
  shipped_at: string | null
}

export interface PaymentLedgerTable {
  tenant_id: Generated<string>
  payment_id: string
  kind: string
  amount_minor: number
  currency: string
  booked_at: Generated<string>
}

export interface PaymentMovesTable {
  tenant_id: Generated<string>
  payment_id: string
  provider_version: number
  from_status: string
  to_status: string
  via: string
  request_id: string
  moved_at: Generated<string>
}

export interface PaymentsTable {
  tenant_id: Generated<string>
  id: string
  order_id: string
  customer_id: string
  source: string
  amount_minor: number
  currency: string
  status: Generated<string>
  goal: Generated<string>
  provider_id: string | null
  provider_version: Generated<number>
  created_at: Generated<string>
  updated_at: Generated<string>
}

export interface ProductImportFindingsTable {
  tenant_id: Generated<string>
  import_id: string
  no: number
  line: number
  column_name: string | null
  reason: string
}

export interface ProductImportsTable {
  tenant_id: Generated<string>
  id: string
  status: Generated<string>
  requested_by: string
  file: string
  file_bytes: number
  file_sha256: string
  position: Generated<number>
  line: Generated<number>
  skipping: Generated<boolean>
  columns: string[] | null
  rows_created: Generated<number>
  rows_updated: Generated<number>
  rows_rejected: Generated<number>
  rows_unreadable: Generated<number>
  findings: Generated<number>
  failure: string | null
  created_at: Generated<string>
  finished_at: string | null
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
  import_id: string | null
  import_line: number | null
}

export interface SentMailsTable {
  tenant_id: Generated<string>
  cause: string
  message_id: string
  recipient: string
  sent_at: Generated<string>
}

export interface ShipmentMovesTable {
  tenant_id: Generated<string>
  shipment_id: string
  no: number
  status: string
  note: string | null
  moved_at: Generated<string>
}

export interface ShipmentsTable {
  tenant_id: Generated<string>
  id: string
  order_id: string
  customer_id: string
  carrier: string
  tracking_code: string | null
  status: Generated<string>
  version: Generated<number>
  created_at: Generated<string>
  updated_at: Generated<string>
}
