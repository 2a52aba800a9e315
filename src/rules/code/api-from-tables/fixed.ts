export const routes = ['GET /orders', 'POST /orders', 'POST /orders/{id}/cancel']

/** What may be asked for is named after what people do. */
export function cancelOrder(order: { state: string }) {
  if (order.state !== 'placed') throw new Error('only a placed order can be cancelled')
  return { ...order, state: 'cancelled' }
}
