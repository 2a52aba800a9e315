/** A calculation with its formulas shown, its units named and its doubt carried through. */

import { didYouMean } from '../base/did-you-mean.ts'
import { HoldfastError } from '../base/fault.ts'
import type { Entry } from '../rules/rule.ts'
import type { AdviceSource } from './source.ts'

export interface Input {
  readonly ask: string
  readonly unit: string
  readonly min: number
  readonly max: number
  readonly assume: number
  /** Known to differ so much that it is a range unless somebody gives one number. */
  readonly between?: readonly [low: number, high: number]
}

export interface Figure {
  readonly name: string
  readonly unit: string
  readonly value: number
}

export interface Chart {
  readonly title: string
  readonly unit: string
  readonly bars: readonly { readonly label: string; readonly value: number }[]
}

export interface Computed {
  readonly figures: readonly Figure[]
  /** What an engineer would say to these figures. */
  readonly reading: readonly string[]
  readonly chart: Chart
}

export interface Calculator extends Entry {
  readonly kind: 'calculator'
  readonly question: string
  readonly inputs: Readonly<Record<string, Input>>
  readonly formulas: readonly string[]
  readonly uncertainty: string
  readonly sources: readonly AdviceSource[]
  compute(values: Readonly<Record<string, number>>): Computed
}

export interface Span {
  readonly low: number
  readonly high: number
}

/** What somebody gave for an input: one number, or a range. */
export type GivenInputs = Readonly<Record<string, Span>>

export interface RangedFigure extends Figure, Span {}

export interface Calculation {
  readonly calculator: string
  readonly title: string
  readonly inputs: readonly (Input & Span & { readonly name: string; readonly given: boolean })[]
  readonly figures: readonly RangedFigure[]
  readonly formulas: readonly string[]
  readonly reading: readonly string[]
  readonly chart: Chart
  readonly uncertainty: string
}

type Written<Name extends string> = Omit<
  Calculator,
  'kind' | 'symptoms' | 'related' | 'inputs' | 'compute'
> & {
  readonly inputs: Readonly<Record<Name, Input>>
  readonly related?: readonly string[]
  compute(values: Readonly<Record<Name, number>>): Computed
}

export function calculator<const Name extends string>(written: Written<Name>): Calculator {
  return { symptoms: [], related: [], ...written, kind: 'calculator' }
}

export function input(
  ask: string,
  unit: string,
  assume: number,
  [min, max]: readonly [number, number],
  between?: readonly [number, number],
): Input {
  return { ask, unit, assume, min, max, ...(between === undefined ? {} : { between }) }
}

export function figure(name: string, value: number, unit: string): Figure {
  return { name, value, unit }
}

/** Each range doubles the corners that are computed: 2^6 stays instant. */
const RANGES_MAX = 6

/** Figures at the middle of all ranges, with the least and the most that their corners give. */
export function calculate(calculator: Calculator, given: GivenInputs): Calculation {
  checkNames(calculator, given)
  const names = Object.keys(calculator.inputs)
  const spans = new Map(names.map((name) => [name, spanOf(calculator, name, given[name])]))
  const ranged = names.filter((name) => !isPoint(spans.get(name) as Span))
  if (ranged.length > RANGES_MAX) {
    throw unusable(calculator, `at most ${RANGES_MAX} of its inputs may be ranges at once`)
  }
  const middle = valuesAt(spans, ({ low, high }) => (low + high) / 2)
  const { figures, reading, chart } = calculator.compute(middle)
  const corners = cornersOf(spans, ranged).map((values) => calculator.compute(values).figures)
  return {
    calculator: calculator.id,
    title: calculator.title,
    inputs: names.map((name) => ({
      ...(calculator.inputs[name] as Input),
      ...(spans.get(name) as Span),
      name,
      given: given[name] !== undefined,
    })),
    figures: figures.map((middleFigure, index) => {
      const values = corners.map((corner) => corner[index]?.value ?? middleFigure.value)
      return { ...middleFigure, low: Math.min(...values), high: Math.max(...values) }
    }),
    formulas: calculator.formulas,
    reading,
    chart,
    uncertainty: calculator.uncertainty,
  }
}

function unusable({ id }: Calculator, complaint: string): HoldfastError {
  return new HoldfastError('HF_ANSWERS_INVALID', `holdfast advise ${id}: ${complaint}.`)
}

function checkNames(calculator: Calculator, given: GivenInputs): void {
  const names = Object.keys(calculator.inputs)
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(calculator.inputs, name)) continue
    const hint = didYouMean(name, names) || `; its inputs are ${names.join(', ')}`
    throw unusable(calculator, `"${name}" is no input${hint.replace(/\?$/, '')}`)
  }
}

function isPoint({ low, high }: Span): boolean {
  return low === high
}

function spanOf(calculator: Calculator, name: string, given: Span | undefined): Span {
  const { min, max, assume, between = [assume, assume], unit } = calculator.inputs[name] as Input
  if (given === undefined) return { low: between[0], high: between[1] }
  if (given.low > given.high)
    throw unusable(calculator, `${name} begins above its end: low..high, as in 2..5`)
  if (given.low >= min && given.high <= max) return given
  throw unusable(calculator, `${name} must lie from ${min} to ${max} ${unit}`)
}

function valuesAt(
  spans: ReadonlyMap<string, Span>,
  at: (span: Span) => number,
): Record<string, number> {
  return Object.fromEntries([...spans].map(([name, span]) => [name, at(span)]))
}

function cornersOf(
  spans: ReadonlyMap<string, Span>,
  ranged: readonly string[],
): readonly Record<string, number>[] {
  const count = 2 ** ranged.length
  return Array.from({ length: count }, (_, corner) => {
    const values = valuesAt(spans, ({ low }) => low)
    for (const [bit, name] of ranged.entries()) {
      if (corner & (1 << bit)) values[name] = (spans.get(name) as Span).high
    }
    return values
  })
}

const NUMBER = String.raw`(\d+(?:\.\d+)?(?:e\d+)?)([kM]?)`
const GIVEN = new RegExp(`^([a-zA-Z]\\w*)=${NUMBER}%?(?:\\.\\.${NUMBER}%?)?$`)
const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6 }

/** `arrivals=80`, `users=2M`, `serviceMs=80..120`. */
export function parseInputs(words: readonly string[]): GivenInputs {
  return Object.fromEntries(
    words.map((word) => {
      const match = GIVEN.exec(word)
      if (match === null) {
        const example = 'Write name=number or name=low..high, as in serviceMs=80..120.'
        throw new HoldfastError('HF_ANSWERS_INVALID', `"${word}" is no input. ${example}`)
      }
      const [, name = '', low = '', lowFactor = '', high, highFactor = ''] = match
      const from = Number(low) * (FACTORS[lowFactor] as number)
      const to = high === undefined ? from : Number(high) * (FACTORS[highFactor] as number)
      return [name, { low: from, high: to }]
    }),
  )
}
