export type Write = (line: string) => void

interface Context {
  readonly requestId: string
  readonly time: string
}

/** The message is constant, what varies are fields: it can be counted, filtered and joined. */
export function logOrder(
  write: Write,
  order: { id: string; cents: number },
  { requestId, time }: Context = { requestId: 'req_1', time: '2026-11-21T12:00:00Z' },
): void {
  const fields = { level: 'info', time, requestId, order: order.id, cents: order.cents }
  write(JSON.stringify({ ...fields, message: 'order placed' }))
}
