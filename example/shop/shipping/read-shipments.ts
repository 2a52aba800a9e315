import type { Principal } from '../../../src/base/principal.ts'
import type { InputOf } from '../../../src/base/schema.ts'
import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { shop } from '../shop.ts'
import { GetShipment, ListShipments, type ShipmentMove } from './contract.ts'
import { selectShipment } from './shipment.ts'
import { shipmentStates } from './shipment-states.ts'

export const getShipment = shop.handle(GetShipment, {
  allow: may('shipping:read'),
  async run({ input, tx, scope, fail }) {
    const { principal } = scope
    const [shipment, moves] = await Promise.all([
      tx.maybeOne(selectShipment(input.id, principal.id, seesAll(principal))),
      tx.query(selectMoves(input.id)),
    ])
    if (shipment === undefined) throw fail.shipmentNotFound()
    return { ...shipment, moves }
  },
})

export const listShipments = shop.list(ListShipments, {
  allow: may('shipping:read'),
  from: 'shipments',
  where: ({ scope: { principal } }) =>
    seesAll(principal) ? undefined : sql`customer_id = ${principal.id}`,
})

function seesAll(principal: Principal): boolean {
  return principal.may('shipping:read-any')
}

function selectMoves(id: string): Sql<InputOf<typeof ShipmentMove>> {
  return sql<InputOf<typeof ShipmentMove>>`
    SELECT status, note, moved_at FROM shipment_moves
    WHERE shipment_id = ${id} ORDER BY no LIMIT ${shipmentStates.length}`
}
