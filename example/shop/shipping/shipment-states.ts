/** Where a shipment may go from where it is. */
export const shipmentStates = [
  'created',
  'handed_over',
  'in_transit',
  'delivered',
  'returned',
] as const
export type ShipmentState = (typeof shipmentStates)[number]

const before: Readonly<Record<ShipmentState, readonly ShipmentState[]>> = {
  created: [],
  handed_over: ['created'],
  in_transit: ['handed_over'],
  // A carrier does not tell of every step.
  delivered: ['handed_over', 'in_transit'],
  // Refused at the door, or sent back later.
  returned: ['handed_over', 'in_transit', 'delivered'],
}

/** The states from which this one can be reached. */
export function statesBefore(state: ShipmentState): readonly ShipmentState[] {
  return before[state]
}
