/**
 * Which anomaly a trace shows, by the names that the literature gives them (Adya; Warszawski and
 * Bailis): somebody read, another published a change of that, and the first went on from what it had
 * read.
 */
import type { StatementAccess } from '../footprint/facts.ts'
import type { Statements } from '../footprint/statements.ts'
import type { FindingClass, Race } from '../race.ts'
import type { Step } from '../run/schedule.ts'

export interface Anomaly {
  readonly class: FindingClass
  readonly scope: boolean
  /** The stale read, and the write that went on from it, where there is one. */
  readonly read: Step | undefined
  readonly write: Step | undefined
  /** The write of the other command in between. */
  readonly other: Step | undefined
}

interface Touch {
  readonly step: Step
  readonly at: number
  readonly access: StatementAccess
}

const NONE: Anomaly = {
  class: 'not-serializable',
  scope: false,
  read: undefined,
  write: undefined,
  other: undefined,
}

export function classify(race: Race, steps: readonly Step[], statements: Statements): Anomaly {
  const touches = steps.flatMap((step, at) =>
    statements.facts(step.sql).accesses.map((access): Touch => ({ step, at, access })),
  )
  const found = race.commands.flatMap((_, command) => anomaliesOf(command, touches, steps))
  return found.sort((left, right) => rank(left) - rank(right))[0] ?? NONE
}

const RANKS: readonly FindingClass[] = ['lost-update', 'phantom', 'write-skew', 'read-skew']

function rank(anomaly: Anomaly): number {
  return RANKS.indexOf(anomaly.class)
}

/** Reads of the command that another one made stale before the command was through. */
function anomaliesOf(
  command: number,
  touches: readonly Touch[],
  steps: readonly Step[],
): Anomaly[] {
  const own = touches.filter(({ step }) => step.session === command)
  const reads = own.filter(({ access }) => !access.writes && access.mode !== 'keyshare')
  const others = touches.filter(
    ({ step, access }) => step.session !== command && access.writes && step.answer?.ok === true,
  )
  const last = steps.findLastIndex(({ session }) => session === command)
  return reads.flatMap((read) =>
    others
      .filter((other) => isStale(read, other, last, steps))
      .map((other) => named(read, other, own, steps)),
  )
}

function isStale(read: Touch, other: Touch, last: number, steps: readonly Step[]): boolean {
  if (read.access.table !== other.access.table) return false
  const published = publishedAt(other, steps)
  return published > read.at && published <= last
}

/** Its own place where it stood alone, else the COMMIT of its transaction. */
function publishedAt({ step, at }: Touch, steps: readonly Step[]): number {
  const end = steps.findIndex(
    (later, place) => place > at && later.transaction === step.transaction && later.footprint.ends,
  )
  return end < 0 ? step.answeredAt : end
}

function named(read: Touch, other: Touch, own: readonly Touch[], steps: readonly Step[]): Anomaly {
  const published = publishedAt(other, steps)
  const write = own.find(
    (touch) => touch.access.writes && touch.at > read.at && publishedAt(touch, steps) >= published,
  )
  const base = { read: read.step, other: other.step, write: write?.step }
  if (write === undefined) return { ...base, class: 'read-skew', scope: false }
  const scope = write.step.transaction !== read.step.transaction
  if (other.access.mode === 'insert') return { ...base, class: 'phantom', scope }
  const same = own.find(
    ({ at, access }) =>
      access.writes &&
      at > read.at &&
      access.table === other.access.table &&
      access.mode !== 'insert',
  )
  if (same === undefined) return { ...base, class: 'write-skew', scope }
  const differs =
    same.access.key !== undefined &&
    other.access.key !== undefined &&
    keyText(same) !== keyText(other)
  return {
    ...base,
    write: same.step,
    class: differs ? 'write-skew' : 'lost-update',
    scope: same.step.transaction !== read.step.transaction,
  }
}

function keyText({ access, step }: Touch): string {
  const { parameter, constant } = access.key ?? {}
  return String(parameter === undefined ? constant : step.values[parameter - 1])
}
