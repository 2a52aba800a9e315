import type { InputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import type { ShipmentSummary } from './contract.ts'

export type ShipmentRow = InputOf<typeof ShipmentSummary>

export const shown = sql`id, order_id, customer_id, carrier, tracking_code, status, version,
  created_at, updated_at`

/** `all`: whether shipments to other customers count too. */
export function selectShipment(id: string, customer: string, all: boolean): Sql<ShipmentRow> {
  return sql<ShipmentRow>`
    SELECT ${shown} FROM shipments
    WHERE id = ${id} AND (${all}::boolean OR customer_id = ${customer})`
}

/** So that it stays where it is. */
export function lockShipment(id: string): Sql<ShipmentRow> {
  return sql<ShipmentRow>`SELECT ${shown} FROM shipments WHERE id = ${id} FOR UPDATE`
}

export function insertMove({ id, version, status }: ShipmentRow, note: string | null): Sql {
  return sql`
    INSERT INTO shipment_moves (shipment_id, no, status, note)
    VALUES (${id}, ${version}, ${status}, ${note})`
}
