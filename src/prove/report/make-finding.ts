import type { Statements } from '../footprint/statements.ts'
import { classify } from '../judge/classify.ts'
import { fixesFor } from '../judge/fixes.ts'
import type { Fault } from '../judge/judge.ts'
import type { Race } from '../race.ts'
import type { ScheduleResult, Step } from '../run/schedule.ts'
import type { Finding, TraceStep } from '../verdict.ts'
import { answerText } from './answer-text.ts'

interface Parts {
  readonly race: Race
  readonly statements: Statements
  readonly result: ScheduleResult
  readonly fault: Fault
  readonly choices: readonly number[]
  readonly replayed: number
}

export function makeFinding({
  race,
  statements,
  result,
  fault,
  choices,
  replayed,
}: Parts): Finding {
  const anomaly = fault.anomaly ?? classify(race, result.steps, statements)
  return {
    class: fault.class,
    scope: fault.anomaly?.scope ?? false,
    message: messageOf(race, fault),
    evidence: fault.evidence,
    trace: result.steps.map((step, at) => traceStep(race, step, at)),
    preemptions: result.steps.filter(({ preempts }) => preempts).length,
    replayed,
    replay: choices.join(''),
    fixes: fixesFor(fault.class, anomaly),
  }
}

function messageOf(race: Race, fault: Fault): string {
  const { read, other, scope } = fault.anomaly ?? {}
  if (read === undefined || other === undefined) return fault.message
  const [reader, writer] = [race.commands[read.session], race.commands[other.session]]
  const why = scope
    ? ', and what it then wrote was another transaction: no isolation level helps'
    : ''
  return `${fault.message} ${reader} went on from what it had read, which ${writer} had changed${why}.`
}

function traceStep(race: Race, step: Step, at: number): TraceStep {
  return {
    command: race.commands[step.session] ?? '',
    sql: step.sql.replaceAll(/\s+/g, ' ').trim(),
    values: step.values,
    place: step.place,
    answer: answerText(step.answer),
    waitedFor: step.waitedFor.map((session) => race.commands[session] ?? ''),
    freedBy: step.answeredAt === at ? undefined : step.answeredAt + 1,
  }
}
