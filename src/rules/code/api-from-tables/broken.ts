export const routes = [
  'GET /orders',
  'POST /orders',
  'PATCH /orders/{id}',
  'POST /order_lines',
  'PATCH /stock/{sku}',
]

/** The client sets the state; every rule about states is in every client. */
export function patchOrder(order: { state: string }, patch: { state?: string }) {
  return { ...order, ...patch }
}
