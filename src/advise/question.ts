/**
 * What decisions ask. Questions are shared, so that one file of answers serves every decision and a
 * contradiction between two of them can be seen.
 */

export interface NumberQuestion {
  readonly kind: 'number'
  readonly ask: string
  readonly unit: string
  readonly min: number
  readonly max: number
  /** Taken where nobody answers and nothing can be read; said in the advice. */
  readonly assume: number
}

export interface ChoiceQuestion<Choice extends string = string> {
  readonly kind: 'choice'
  readonly ask: string
  readonly choices: Readonly<Record<Choice, string>>
  readonly assume: Choice
}

export interface YesNoQuestion {
  readonly kind: 'yes-no'
  readonly ask: string
  readonly assume: boolean
}

export type Question = NumberQuestion | ChoiceQuestion | YesNoQuestion

export type AnswerTo<Q extends Question> = Q extends NumberQuestion
  ? number
  : Q extends ChoiceQuestion<infer Choice>
    ? Choice
    : boolean

export function quantity(
  ask: string,
  unit: string,
  assume: number,
  [min, max]: readonly [number, number],
): NumberQuestion {
  return { kind: 'number', ask, unit, assume, min, max }
}

export function choice<const Choice extends string>(
  ask: string,
  assume: NoInfer<Choice>,
  choices: Readonly<Record<Choice, string>>,
): ChoiceQuestion<Choice> {
  return { kind: 'choice', ask, assume, choices }
}

export function yesNo(ask: string, assume: boolean): YesNoQuestion {
  return { kind: 'yes-no', ask, assume }
}
