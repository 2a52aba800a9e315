import { answerText } from '../report/answer-text.ts'
import type { Fix, TraceStep } from '../verdict.ts'
import { type Passage, saidOf } from './fault.ts'
import { fixesFor } from './fixes.ts'
import { classOf, type Difference } from './judge.ts'
import type { Trial } from './replay.ts'
import type { CrashRun, Part } from './run.ts'
import type { CrashFinding } from './verdict.ts'

interface Parts {
  readonly run: CrashRun
  readonly trial: Trial
  readonly found: readonly Difference[]
  /** It shows only when everything was asked and delivered once more. */
  readonly late: boolean
  readonly replayed: number
}

export function makeFinding({ run, trial, found, late, replayed }: Parts): CrashFinding {
  const kind = classOf(found)
  const at = run.struck ?? ''
  const { fault, plan } = trial
  const fixes: readonly Fix[] = fixesFor(kind, found, plan)
  return {
    class: kind,
    message: messageOf(trial, at, late),
    fault: fault && { kind: fault.kind, at, step: fault.step },
    ...(plan && { deliveries: plan.said }),
    evidence: found.map(({ text }) => text),
    trace: traceOf(run),
    replayed,
    replay: trial.name,
    fixes,
  }
}

const WRONG = 'The end is not that of one execution.'
const AGAIN = 'everything is asked and delivered once more'

function messageOf({ fault, plan }: Trial, at: string, late: boolean): string {
  if (plan !== undefined)
    return `Nothing fails, and ${plan.said}${late ? `, then ${AGAIN}` : ''}. ${WRONG}`
  if (fault === undefined) return `Nothing fails, and ${AGAIN}. ${WRONG}`
  const then = late ? `then ${AGAIN}` : 'then it recovers and the client asks again'
  return `At "${at}": ${saidOf(fault.kind)}, ${then}. ${WRONG}`
}

/** Loops find nothing to do most of the time, and nobody wants to read that. */
function traceOf({ passages, parts }: CrashRun): TraceStep[] {
  const shown = parts.flatMap((part, index) => {
    const own = passages.filter((passage) => passage.part === index)
    return part.asked || own.some(matters) ? [stepsOf(part, own)] : []
  })
  return shown.flat()
}

function stepsOf(part: Part, passages: readonly Passage[]): TraceStep[] {
  const shown = passages.filter(({ kind, fault }) => kind !== 'checkout' || fault !== undefined)
  return shown.map((passage, index) => ({
    command: `process ${part.process}`,
    sql: passage.label,
    values: passage.values,
    place: passage.place,
    answer: passage.kind === 'call' ? '' : answerText(passage.answer),
    waitedFor: [],
    freedBy: undefined,
    ...(index === 0 && { part: part.name }),
    ...(passage.fault && { fault: saidOf(passage.fault) }),
  }))
}

const READS = /^(?:select|begin|start|commit|end|rollback|set|show)\b/i

function matters({ kind, label, answer, fault }: Passage): boolean {
  if (fault !== undefined || kind === 'call' || answer?.ok === false) return true
  if (kind !== 'statement' || READS.test(label)) return false
  const { rowCount } = (answer?.value ?? {}) as { rowCount?: number | null }
  return rowCount !== 0
}
