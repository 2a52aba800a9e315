/**
 * What one piece of work has cost so far: a request, an attempt at a job, a delivery of an event. Its
 * log line tells it. One small object for each, and plain fields: it is on the path of every request.
 */

/** In the order in which a request goes through them; `run` and `commit` come again with a retry. */
export type Phase = 'authenticate' | 'receive' | 'admit' | 'parse' | 'run' | 'commit'

export class WorkMeter {
  statements = 0
  roundTrips = 0
  /** How often a handler was run again because transactions collided or a connection was lost. */
  retries = 0
  /** Waiting for a connection of the pool. */
  waitMs = 0
  /** Waiting for answers of the database. */
  databaseMs = 0
  readonly phaseMs: Record<Phase, number> = {
    authenticate: 0,
    receive: 0,
    admit: 0,
    parse: 0,
    run: 0,
    commit: 0,
  }
  #phase: Phase | undefined
  #sinceMs = 0

  /** Ends the phase before; undefined where what comes now belongs to none. */
  enter(phase: Phase | undefined, nowMs: number): void {
    if (this.#phase !== undefined) this.phaseMs[this.#phase] += nowMs - this.#sinceMs
    this.#phase = phase
    this.#sinceMs = nowMs
  }

  /** As a log line tells it; phases that took no time are left out. */
  fields(): Readonly<Record<string, unknown>> {
    const { statements, roundTrips, retries } = this
    return {
      statements,
      roundTrips,
      retries,
      waitMs: rounded(this.waitMs),
      databaseMs: rounded(this.databaseMs),
      phaseMs: phasesOf(this.phaseMs),
    }
  }
}

function phasesOf(phaseMs: Readonly<Record<Phase, number>>): Record<string, number> {
  const told: Record<string, number> = {}
  for (const phase in phaseMs) {
    const ms = rounded(phaseMs[phase as Phase])
    if (ms > 0) told[phase] = ms
  }
  return told
}

/** To a hundredth of a millisecond: more is noise of the clock. */
export function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
