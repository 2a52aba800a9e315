export interface Fact {
  readonly id: number
  readonly text: string
}

const BACKLOG_MAX = 1_000

/** The browser sends the last id it has seen as Last-Event-ID. */
export function stream(
  facts: readonly Fact[],
  connectedAt: number,
  lastEventId?: string,
): string[] {
  const from =
    lastEventId === undefined ? connectedAt : facts.findIndex(({ id }) => id > Number(lastEventId))
  if (from < 0) return []
  if (facts.length - from > BACKLOG_MAX) return ['event: reload\ndata:\n\n']
  return facts.slice(from).map(({ id, text }) => `id: ${id}\ndata: ${text}\n\n`)
}
