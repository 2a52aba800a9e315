export type Send = (headers: Record<string, string>) => Promise<void>

/** The trace ends here: the other side begins a new one. */
export async function callStock(send: Send, _traceparent: string): Promise<void> {
  await send({ accept: 'application/json' })
}
