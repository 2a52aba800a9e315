/** Where time is short: the COMMIT of each kind of transaction, and each kind of call to the outside. */
import type { Boundary, FaultKind } from './fault.ts'
import { faultTrial, type Trial } from './replay.ts'

/** It has happened, and whoever asked for it does not know: most that is wrong is wrong here. */
const KINDS: readonly FaultKind[] = ['unanswered', 'killed after']

/** Those that are not in `tried`, which has them afterwards. */
export function turningPoints(boundaries: readonly Boundary[], tried: Set<string>): Trial[] {
  return boundaries.flatMap((boundary, step) => {
    const point = pointOf(boundary)
    if (point === undefined || tried.has(point)) return []
    tried.add(point)
    return KINDS.map((kind) => faultTrial({ step, kind }))
  })
}

/** The same for transactions of the same statements, whatever their values. */
function pointOf({ kind, label, within }: Boundary): string | undefined {
  if (kind === 'call') return `call ${withoutIds(label)}`
  return kind === 'end' && /^(?:commit|end)\b/i.test(label)
    ? `end ${withoutIds(within ?? '')}`
    : undefined
}

const UUIDS = /[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}/g

/** A generated id is another in each run. */
export function withoutIds(text: string): string {
  return text.replaceAll(UUIDS, '<id>')
}
