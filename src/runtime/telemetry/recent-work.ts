/**
 * The last pieces of work of this process, as their log lines tell them: what `holdfast trace` shows
 * beside the database. A ring: the oldest makes place for the newest.
 */
import type { LogFields } from '../log.ts'

/** A request, an attempt at a job, a delivery of an event; a call to another service by one of them. */
export type WorkKind = 'request' | 'job' | 'event' | 'call'

export interface RecentEntry {
  readonly kind: WorkKind
  /** RFC 3339, of its end. */
  readonly at: string
  readonly requestId: string
  readonly fields: LogFields
}

interface Kept {
  readonly kind: WorkKind
  readonly atMs: number
  readonly requestId: string
  readonly fields: LogFields
}

/** About half a kilobyte each: some minutes of a busy process, and less than a megabyte. */
const ENTRIES_MAX = 2_000

export class RecentWork {
  readonly #kept: Kept[] = []
  readonly #entriesMax: number
  #next = 0
  #count = 0

  constructor(entriesMax: number = ENTRIES_MAX) {
    this.#entriesMax = entriesMax
  }

  /** How many there ever were. */
  get count(): number {
    return this.#count
  }

  /** `fields` are kept as they are and must not be changed any more. */
  add(kind: WorkKind, atMs: number, requestId: string, fields: LogFields): void {
    this.#kept[this.#next] = { kind, atMs, requestId, fields }
    this.#count++
    this.#next = (this.#next + 1) % this.#entriesMax
  }

  /** What belongs to a request, or to a trace that it is part of, in the order in which it ended. */
  of(requestId: string): readonly RecentEntry[] {
    const own = this.#kept.filter((each) => each.requestId === requestId)
    const traces = new Set(own.map(({ fields }) => fields.traceId))
    return this.#kept
      .filter((each) => each.requestId === requestId || traces.has(each.fields.traceId))
      .sort((left, right) => left.atMs - right.atMs)
      .map(({ atMs, ...rest }) => ({ ...rest, at: new Date(atMs).toISOString() }))
  }
}
