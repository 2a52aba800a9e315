/** What the commands of a schedule do outside of their database, and what is remembered there. */
import { CALLS_OUTSIDE } from '../footprint/footprint.ts'
import type { RaceEffect, RaceWorld } from '../race.ts'
import type { RecordedEffect, Session } from './session.ts'

/** How a command stands when it calls. */
export interface Caller {
  readonly session: Session
  /** A transaction of it is open, and holds locks. */
  holds(): boolean
  /** Steps that have gone before. */
  steps(): number
}

export class Outside {
  readonly #effects: RecordedEffect[] = []
  readonly #remembered = new Map<string, unknown>()

  /** What was told, and then what is remembered. */
  get effects(): RecordedEffect[] {
    const memories = [...this.#remembered].map(([key, value]) => ({
      ...{ command: '', kind: 'remembered', effect: { key, value } },
      ...{ inTransaction: false, step: 0 },
    }))
    return [...this.#effects, ...memories]
  }

  worldOf(caller: Caller): RaceWorld {
    const { session } = caller
    return {
      command: session.name,
      effect: async (kind, effect) => this.#record(caller, kind, effect),
      call: async (name, act) => {
        // Who holds locks meanwhile is told of; the call itself is known by what it leaves.
        const key = `${session.name}, after ${this.#toldBy(session)}`
        if (caller.holds()) this.#record(caller, name, { key })
        return session.callOutside(name, CALLS_OUTSIDE, () => act(this.#remembered))
      },
    }
  }

  /** How many by this command: the same in each schedule, whoever else has gone before. */
  #toldBy({ name }: Session): number {
    return this.#effects.filter(({ command }) => command === name).length
  }

  #record({ session, holds, steps }: Caller, kind: string, effect: RaceEffect): void {
    this.#effects.push({
      ...{ command: session.name, kind, effect },
      ...{ inTransaction: holds(), step: steps() },
    })
  }
}
