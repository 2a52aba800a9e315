export interface Fact {
  readonly id: number
  readonly text: string
}

/** Whoever reconnects has missed what was sent in between. */
export function stream(
  facts: readonly Fact[],
  connectedAt: number,
  _lastEventId?: string,
): string[] {
  return facts.slice(connectedAt).map(({ text }) => `data: ${text}\n\n`)
}
