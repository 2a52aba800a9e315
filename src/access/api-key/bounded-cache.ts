/**
 * Values that are good for a while, at most so many. The oldest goes first: with a short life for
 * all, keeping the recently used ones would cost a write per read and save few lookups.
 */
export class BoundedCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly untilMs: number }>()
  readonly #entriesMax: number

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  get size(): number {
    return this.#entries.size
  }

  /** `nowMs` and `untilMs` are moments of one monotonic clock. */
  get(name: string, nowMs: number): V | undefined {
    const entry = this.#entries.get(name)
    if (entry === undefined) return undefined
    if (nowMs < entry.untilMs) return entry.value
    this.#entries.delete(name)
    return undefined
  }

  set(name: string, value: V, untilMs: number): void {
    this.#entries.delete(name)
    if (this.#entries.size >= this.#entriesMax) this.#dropOldest()
    this.#entries.set(name, { value, untilMs })
  }

  deleteWhere(matches: (value: V) => boolean): void {
    for (const [name, { value }] of this.#entries) {
      if (matches(value)) this.#entries.delete(name)
    }
  }

  #dropOldest(): void {
    for (const name of this.#entries.keys()) {
      this.#entries.delete(name)
      return
    }
  }
}
