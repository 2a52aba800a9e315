import { z } from 'zod'
import { defineCommand, defineEvent, defineQuery } from '../../../src/operation/contract.ts'
import { defineList, oneOf } from '../../../src/operation/list-contract.ts'
import { conflict, notFound, preconditionFailed } from '../../../src/operation/problem.ts'
import { shippingProblems } from '../ordering/contract.ts'
import { orderId, shipmentId } from '../shared/boundary-id.ts'
import { shipmentStates } from './shipment-states.ts'

const status = z.enum(shipmentStates)
const note = z.string().trim().min(1).max(500)

export const ShipmentSummary = z.object({
  id: shipmentId.output,
  order_id: orderId.output,
  customer_id: z.string(),
  carrier: z.string(),
  tracking_code: z.string().nullable(),
  status,
  version: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})

export const ShipmentMove = z.object({
  status,
  note: z.string().nullable(),
  moved_at: z.iso.datetime(),
})

/** With every state that it has been in. */
export const Shipment = ShipmentSummary.extend({ moves: z.array(ShipmentMove) })

const shipmentNotFound = notFound('No such shipment')

export const CreateShipment = defineCommand({
  name: 'shipping.create-shipment',
  http: 'POST /v1/orders/{id}/shipments',
  summary: 'Begin to ship an order',
  description: 'An order that is paid for; from then on it can no longer be cancelled.',
  status: 201,
  input: z.object({
    id: orderId.input,
    carrier: z.string().trim().min(1).max(100),
    tracking_code: z.string().trim().min(1).max(100).optional(),
  }),
  output: ShipmentSummary,
  etag: ({ version }) => version,
  location: ({ id }) => `/v1/shipments/${id}`,
  problems: shippingProblems,
})

export const MoveShipment = defineCommand({
  name: 'shipping.move-shipment',
  http: 'POST /v1/shipments/{id}/moves',
  summary: 'Tell where a shipment has come to',
  description:
    'created, handed_over, in_transit, delivered, in this order; from handed_over on also returned.',
  ifMatch: 'optional',
  input: z.object({
    id: shipmentId.input,
    status: status.exclude(['created']),
    note: note.optional(),
  }),
  output: ShipmentSummary,
  etag: ({ version }) => version,
  problems: {
    shipmentNotFound,
    moveNotPossible: conflict(
      'A shipment does not go there from where it is',
      z.object({ from: status }),
    ),
    shipmentChanged: preconditionFailed('The shipment has moved on'),
  },
})

export const GetShipment = defineQuery({
  name: 'shipping.get-shipment',
  http: 'GET /v1/shipments/{id}',
  summary: 'Where a shipment is, and where it has been',
  input: z.object({ id: shipmentId.input }),
  output: Shipment,
  etag: ({ version }) => version,
  problems: { shipmentNotFound },
})

export const ListShipments = defineList({
  name: 'shipping.list-shipments',
  http: 'GET /v1/shipments',
  summary: 'Shipments, newest first',
  description: 'A customer sees its own; whoever serves the tenant sees all of them.',
  item: ShipmentSummary,
  filter: { status: oneOf(...shipmentStates) },
  sort: ['created_at desc', 'created_at asc'],
})

export const ShipmentMoved = defineEvent({
  name: 'shipping.shipment-moved',
  summary: 'A shipment has come to another state; the first is created',
  payload: z.object({ shipment_id: z.uuid(), order_id: z.uuid(), status }),
  key: ({ shipment_id }) => shipment_id,
})
