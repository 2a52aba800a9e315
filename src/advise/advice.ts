/** A decision, answered: what to pick and all that somebody needs to judge it. */
import { assert } from '../base/assert.ts'
import { contradictions } from './contradictions.ts'
import type { Answer, Decision, OptionFacts } from './decision.ts'
import { evaluate, type Flip, flipsOf, type Known, missingFor } from './evaluate.ts'
import { phrase } from './phrase.ts'
import { type QuestionId, questions } from './questions.ts'
import { type CitedSource, citeSource } from './source.ts'

export interface KnownAnswer {
  readonly value: Answer
  readonly origin: 'answered' | 'read' | 'assumed'
  /** Where it was read: 'package.json', 'pg_stat_database'. */
  readonly from?: string
}

export type KnownAnswers = ReadonlyMap<QuestionId, KnownAnswer>

export interface AnsweredQuestion extends KnownAnswer {
  readonly id: QuestionId
  readonly ask: string
  readonly unit: string | undefined
}

export interface NamedOption extends OptionFacts {
  readonly id: string
}

export interface Alternative extends NamedOption {
  /** What would have to be otherwise, nothing where it is what is left when no branch holds. */
  readonly takes: readonly string[]
}

export interface Advice {
  readonly decision: string
  readonly title: string
  readonly question: string
  readonly version: string
  readonly pick: NamedOption
  readonly why: string
  readonly notes: readonly string[]
  readonly alternatives: readonly Alternative[]
  readonly flips: readonly Flip[]
  readonly measuredFlips: readonly { readonly at: string; readonly to: string }[]
  readonly measure: readonly string[]
  readonly uncertainty: string
  readonly answers: readonly AnsweredQuestion[]
  readonly contradictions: readonly string[]
  readonly sources: readonly CitedSource[]
}

/** Every answer that the tree comes by is asked for, once; what is not known is assumed. */
export function advise(decision: Decision, answers: KnownAnswers, nowMs: number): Advice {
  const used = new Map<QuestionId, KnownAnswer>()
  const known = (): Known => new Map([...used].map(toEntry))
  let outcome = evaluate(decision, known())
  while ('need' in outcome) {
    const id = outcome.need
    used.set(id, answers.get(id) ?? { value: questions[id].assume, origin: 'assumed' })
    outcome = evaluate(decision, known())
  }
  const { leaf, notes } = outcome
  // What was given but not asked for counts where another answer would lead elsewhere.
  const given = new Map([...[...answers].map(toEntry), ...known()])
  return {
    decision: decision.id,
    title: decision.title,
    question: decision.question,
    version: decision.version,
    pick: named(decision, leaf.pick),
    why: leaf.why,
    notes,
    alternatives: Object.keys(decision.options)
      .filter((id) => id !== leaf.pick)
      .map((id) => ({
        ...named(decision, id),
        takes: missingFor(decision, given, id).map(phrase),
      })),
    flips: flipsOf(decision, given),
    measuredFlips: decision.flips.filter(({ to }) => to !== leaf.pick),
    measure: decision.measure,
    uncertainty: decision.uncertainty,
    answers: [...used].map(([id, answer]) => ({ id, ...described(id), ...answer })),
    contradictions: contradictions(givenOf(answers)),
    sources: decision.sources.map((source) => citeSource(source, nowMs)),
  }
}

function toEntry([id, { value }]: readonly [QuestionId, KnownAnswer]): [QuestionId, Answer] {
  return [id, value]
}

function givenOf(answers: KnownAnswers): ReadonlyMap<QuestionId, Answer> {
  return new Map([...answers].filter(([, { origin }]) => origin !== 'assumed').map(toEntry))
}

function named(decision: Decision, id: string): NamedOption {
  const option = decision.options[id]
  assert(option !== undefined, `Bug: the decision ${decision.id} has no option ${id}`)
  return { id, ...option }
}

function described(id: QuestionId): { readonly ask: string; readonly unit: string | undefined } {
  const question = questions[id]
  return { ask: question.ask, unit: question.kind === 'number' ? question.unit : undefined }
}
