/**
 * The same statement from the same place, again and again in one operation: what a loop does that
 * should have been one statement for all keys.
 *
 * Terms. Statements asked for in one tick share a *trip*. Repeated trips cost a round trip each and
 * are refused early; repeats within one trip (`Promise.all`, deferred writes) cost the server a
 * plan and an execution each, and are refused late.
 */
import { HoldfastError } from '../../base/fault.ts'
import type { Catalog } from '../catalog.ts'
import type { Statement } from '../statement.ts'
import { batchedForm } from './batched-form.ts'
import { callSite } from './call-site.ts'

export interface RepeatBounds {
  /** Trips with the same statement from the same place. */
  readonly repeatsMax: number
  /** The same statement from the same place, trips or not. */
  readonly parallelMax: number
}

interface Seen {
  trips: number
  count: number
  lastTrip: number
  readonly first: readonly unknown[]
}

/** Shared by an operation and the commands that it calls. */
export class Repetition {
  readonly #bounds: RepeatBounds
  readonly #seen = new Map<string, Seen>()
  #trip = 0
  #tripOpen = false

  constructor(bounds: RepeatBounds) {
    this.#bounds = bounds
  }

  /** Throws HF_N_PLUS_ONE. A deferred statement makes no trip. */
  count(
    statement: Statement,
    facts: {
      readonly operation: string
      readonly deferred: boolean
      readonly catalog: Catalog | undefined
    },
  ): void {
    const site = callSite()
    const seen = this.#entry(`${site} ${statement.text}`, statement)
    seen.count++
    if (!facts.deferred && this.#currentTrip() !== seen.lastTrip) {
      seen.lastTrip = this.#trip
      seen.trips++
    }
    // Without a place, different loops may hide behind one text: only the late bound speaks.
    const looped = site !== undefined && seen.trips > this.#bounds.repeatsMax
    if (looped || seen.count > this.#bounds.parallelMax) {
      const suggestion = batchedForm(statement, seen.first, facts.catalog)
      throw refusal(facts.operation, statement, seen, site, suggestion)
    }
  }

  #entry(key: string, statement: Statement): Seen {
    const known = this.#seen.get(key)
    if (known !== undefined) return known
    const seen = { trips: 0, count: 0, lastTrip: 0, first: statement.values }
    this.#seen.set(key, seen)
    return seen
  }

  /** The same moment at which a transaction's queue closes its batch. */
  #currentTrip(): number {
    if (!this.#tripOpen) {
      this.#tripOpen = true
      this.#trip++
      queueMicrotask(() =>
        process.nextTick(() => {
          this.#tripOpen = false
        }),
      )
    }
    return this.#trip
  }
}

function refusal(
  operation: string,
  statement: Statement,
  seen: Seen,
  site: string | undefined,
  suggestion: string | undefined,
): HoldfastError {
  const { text } = statement
  const { count, trips } = seen
  const place = site ?? 'a place that is no longer on the stack'
  const advice = suggestion === undefined ? '' : `\nFor all of them at once: ${suggestion}\n`
  return new HoldfastError(
    'HF_N_PLUS_ONE',
    `${operation} sent the same statement ${count} times in ${trips} trips from ${place}: ${text}${advice}`,
    { facts: { operation, place: site, count, trips, text, suggestion } },
  )
}
