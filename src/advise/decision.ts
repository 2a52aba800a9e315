/**
 * A decision is a tree as data: branches are asked in order, the first that holds picks. Because the
 * conditions are data, the numbers at which a pick flips are read off the tree, never written beside it.
 */
import type { Entry } from '../rules/rule.ts'
import type { AnswerTo } from './question.ts'
import type { QuestionId, questions } from './questions.ts'
import type { AdviceSource } from './source.ts'

export type Answer = string | number | boolean

/** How well a threshold is known. */
export type Confidence =
  | 'measured'
  | 'documented'
  /** What experienced people use; right within a factor of two or three. */
  | 'rule of thumb'

export interface Threshold {
  readonly question: QuestionId
  readonly op: 'above' | 'below'
  readonly value: number
  readonly confidence: Confidence
}

export interface Sameness {
  readonly question: QuestionId
  readonly op: 'is'
  readonly values: readonly Answer[]
}

interface Several {
  readonly op: 'all' | 'any'
  readonly of: readonly Condition[]
}

export type Condition = Threshold | Sameness | Several

export interface Leaf<Option extends string = string> {
  readonly pick: Option
  readonly why: string
}

export interface Branch<Option extends string = string> extends Leaf<Option> {
  readonly when: Condition
}

export interface OptionFacts {
  readonly name: string
  /** What it costs: why it is not always the answer. */
  readonly cost: string
  /** Known and asked for, and never the answer. */
  readonly never?: true
}

/** Advice beside the pick, said where its condition holds. */
export interface Note {
  readonly when: Condition
  readonly say: string
}

/** A flip at a number that nobody can be asked for: it has to be measured. */
export interface MeasuredFlip<Option extends string = string> {
  readonly at: string
  readonly to: Option
}

export interface Decision<Option extends string = string> extends Entry {
  readonly kind: 'decision'
  readonly question: string
  /** The day on which its tree last changed. */
  readonly version: `${number}-${number}-${number}`
  readonly options: Readonly<Record<Option, OptionFacts>>
  readonly branches: readonly Branch<Option>[]
  readonly otherwise: Leaf<Option>
  readonly notes: readonly Note[]
  readonly flips: readonly MeasuredFlip<Option>[]
  /** What to measure next, with the command or the metric. */
  readonly measure: readonly string[]
  /** What is not known. */
  readonly uncertainty: string
  readonly sources: readonly AdviceSource[]
}

type IdOf<Kind> = {
  [Id in QuestionId]: AnswerTo<(typeof questions)[Id]> extends Kind ? Id : never
}[QuestionId]

export function above(
  question: IdOf<number>,
  value: number,
  confidence: Confidence = 'rule of thumb',
): Threshold {
  return { question, op: 'above', value, confidence }
}

export function below(
  question: IdOf<number>,
  value: number,
  confidence: Confidence = 'rule of thumb',
): Threshold {
  return { question, op: 'below', value, confidence }
}

export function is<Id extends QuestionId>(
  question: Id,
  ...values: AnswerTo<(typeof questions)[Id]>[]
): Sameness {
  return { question, op: 'is', values }
}

export function yes(question: IdOf<boolean>): Sameness {
  return { question, op: 'is', values: [true] }
}

export function no(question: IdOf<boolean>): Sameness {
  return { question, op: 'is', values: [false] }
}

export function all(...of: readonly Condition[]): Condition {
  return { op: 'all', of }
}

export function any(...of: readonly Condition[]): Condition {
  return { op: 'any', of }
}

type Written<Option extends string> = Omit<Decision<Option>, 'kind' | 'symptoms' | 'related'> &
  Partial<Pick<Decision<Option>, 'symptoms' | 'related'>>

/** Infers the names of the options, so that a branch cannot pick one that is not there. */
export function decision<const Option extends string>(
  written: Written<NoInfer<Option>> & { readonly options: Readonly<Record<Option, OptionFacts>> },
): Decision<Option> {
  return { symptoms: [], related: [], ...written, kind: 'decision' }
}
