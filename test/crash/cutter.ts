/**
 * Cuts the database connection at a chosen place inside a batch. Places are not listed by hand: one
 * run without a cut is recorded, and each statement that it sent is a place before and a place after.
 *
 * `before`: the statement was not sent. `after`: it was executed and nothing more was sent; after
 * COMMIT that is "committed, and nobody was told".
 */
import type { Step } from '../../src/database/batch.ts'
import { remainingStatement } from '../../src/database/context.ts'

export interface Place {
  readonly text: string
  readonly when: 'before' | 'after'
  /** The how-manieth statement of this text, from 1. */
  readonly nth: number
}

/** Sent where time has passed since the last batch: on another run it may be missing. */
const SOMETIMES = remainingStatement(0).text

export class Cutter {
  #recorded: Place[] | undefined
  #armed: { readonly place: Place; readonly always: boolean } | undefined
  #seen = 0
  /** Since it was armed. */
  cuts = 0

  /** For `StartOptions.step`. */
  readonly step: Step = ({ statement, done }) => {
    const here = { text: statement.text, when: done ? 'after' : 'before' } as const
    this.#record(here)
    if (this.#strikes(here)) {
      this.cuts++
      throw new Error(`Cut ${here.when}: ${here.text}`)
    }
  }

  #record(here: Omit<Place, 'nth'>): void {
    if (this.#recorded === undefined) return
    const nth = 1 + this.#recorded.filter((other) => isSame(other, here)).length
    this.#recorded.push({ ...here, nth })
  }

  #strikes(here: Omit<Place, 'nth'>): boolean {
    if (this.#armed === undefined || !isSame(this.#armed.place, here)) return false
    this.#seen++
    return this.#armed.always || this.#seen === this.#armed.place.nth
  }

  /** The places of one run. Nothing else may use the connections meanwhile. */
  async record(run: () => Promise<unknown>): Promise<readonly Place[]> {
    this.#recorded = []
    await run()
    const places = this.#recorded.filter(({ text }) => text !== SOMETIMES)
    this.#recorded = undefined
    return places
  }

  /** Once, or each time that the place is reached. */
  arm(place: Place, always: boolean): void {
    this.#armed = { place, always }
    this.#seen = 0
    this.cuts = 0
  }

  disarm(): void {
    this.#armed = undefined
  }
}

function isSame(one: Omit<Place, 'nth'>, other: Omit<Place, 'nth'>): boolean {
  return one.text === other.text && one.when === other.when
}

/** For the name of a test. */
export function describePlace({ when, text, nth }: Place): string {
  const line = text.replaceAll(/\s+/g, ' ').slice(0, 60)
  return `${when} ${line}${nth > 1 ? ` (${nth})` : ''}`
}
