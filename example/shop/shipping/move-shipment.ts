import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { guarded } from '../shared/guarded.ts'
import { shop } from '../shop.ts'
import { MoveShipment, ShipmentMoved } from './contract.ts'
import { insertMove, lockShipment, type ShipmentRow, shown } from './shipment.ts'
import { type ShipmentState, statesBefore } from './shipment-states.ts'

export const moveShipment = shop.handle(MoveShipment, {
  allow: may('shipping:write'),
  // Guarded by the state and the version in the statement that changes them.
  isolation: 'read committed',
  async run({ input, tx, fail, ifMatch }) {
    const { changed: moved, seen } = await guarded(
      tx,
      move(input.id, input.status, versionOf(ifMatch)),
      lockShipment(input.id),
    )
    if (moved === undefined) {
      if (seen === undefined) throw fail.shipmentNotFound()
      const stale = ifMatch !== undefined && ifMatch !== '*' && ifMatch !== String(seen.version)
      throw stale ? fail.shipmentChanged() : fail.moveNotPossible({ from: seen.status })
    }
    tx.defer(insertMove(moved, input.note ?? null))
    const { id, order_id, status } = moved
    tx.emit(ShipmentMoved, { shipment_id: id, order_id, status })
    return moved
  },
})

/** Null: whichever it has. No shipment has version 0. */
function versionOf(tag: string | undefined): number | null {
  if (tag === undefined || tag === '*') return null
  return /^[1-9]\d{0,8}$/.test(tag) ? Number(tag) : 0
}

function move(id: string, to: ShipmentState, version: number | null): Sql<ShipmentRow> {
  return sql<ShipmentRow>`
    UPDATE shipments SET status = ${to}, version = version + 1, updated_at = now()
    WHERE id = ${id} AND status = ANY(${statesBefore(to)}::text[])
      AND version = coalesce(${version}::integer, version)
    RETURNING ${shown}`
}
