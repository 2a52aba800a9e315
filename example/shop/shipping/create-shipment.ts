import { type Sql, sql } from '../../../src/database/sql.ts'
import { may } from '../../../src/operation/rule.ts'
import { ShipOrder } from '../ordering/contract.ts'
import { shop } from '../shop.ts'
import { CreateShipment, ShipmentMoved } from './contract.ts'
import { insertMove, type ShipmentRow, shown } from './shipment.ts'

export const createShipment = shop.handle(CreateShipment, {
  allow: may('shipping:write'),
  // Whether the order may be shipped is decided in the statement that marks it as shipped.
  isolation: 'read committed',
  async run({ input, tx }) {
    const { customer_id } = await tx.call(ShipOrder, { id: input.id })
    const { carrier, tracking_code } = input
    const facts = { id: tx.id(), order_id: input.id, customer_id, carrier, tracking_code }
    const shipment = await tx.one(insertShipment(facts))
    tx.defer(insertMove(shipment, null))
    const { id, order_id, status } = shipment
    tx.emit(ShipmentMoved, { shipment_id: id, order_id, status })
    return shipment
  },
})

interface NewShipment extends Pick<ShipmentRow, 'id' | 'order_id' | 'customer_id' | 'carrier'> {
  readonly tracking_code: string | undefined
}

function insertShipment(facts: NewShipment): Sql<ShipmentRow> {
  return sql<ShipmentRow>`
    INSERT INTO shipments (id, order_id, customer_id, carrier, tracking_code)
    VALUES (${facts.id}, ${facts.order_id}, ${facts.customer_id}, ${facts.carrier},
      ${facts.tracking_code ?? null})
    RETURNING ${shown}`
}
