export interface Order {
  readonly id: number
}

type Effect = (order: Order) => Promise<void>

/** `save` stores the fact with the order. Each reader goes at its own speed and fails alone. */
export async function placeOrder(save: Effect, _effects: unknown, order: Order): Promise<void> {
  await save(order)
}

export async function readFacts(facts: readonly Order[], effects: Record<string, Effect>) {
  const failed: string[] = []
  for (const [name, effect] of Object.entries(effects)) {
    for (const fact of facts) await effect(fact).catch(() => failed.push(name))
  }
  return failed
}
