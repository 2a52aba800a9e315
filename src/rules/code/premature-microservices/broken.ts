/** Two writes that were one transaction are now two services and an outage between them. */
export async function placeOrder(post: (url: string) => Promise<void>): Promise<void> {
  await post('http://stock.internal/reserve')
  await post('http://orders.internal/orders')
}
