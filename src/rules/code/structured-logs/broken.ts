export type Write = (line: string) => void

export function logOrder(write: Write, order: { id: string; cents: number }): void {
  write(`Placed order ${order.id} over ${order.cents / 100} EUR`)
}
