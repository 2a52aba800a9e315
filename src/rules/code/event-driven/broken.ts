export interface Order {
  readonly id: number
}

type Effect = (order: Order) => Promise<void>

/** The mail server decides whether orders can be placed. */
export async function placeOrder(
  save: Effect,
  effects: { mail: Effect; points: Effect; stock: Effect },
  order: Order,
): Promise<void> {
  await save(order)
  await effects.mail(order)
  await effects.points(order)
  await effects.stock(order)
}
