/** Advice, calculations and playbooks as lines of a terminal. */
import type { Advice, AnsweredQuestion } from './advice.ts'
import type { Calculation, Chart, RangedFigure } from './calculator.ts'
import { flipText, thousands, withUnit } from './phrase.ts'
import { type Playbook, type Step, settingsFor } from './playbook.ts'
import { type CitedSource, sourceState } from './source.ts'

const WIDTH = 100

/** Words on lines of at most WIDTH characters, the first after `lead`, the others below its end. */
export function wrapped(lead: string, text: string): readonly string[] {
  const indent = ' '.repeat(lead.length)
  const lines = [lead]
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string
    if (line.trim() !== '' && line !== lead && line.length + 1 + word.length > WIDTH)
      lines.push(`${indent}${word}`)
    else
      lines[lines.length - 1] = line === lead || line === indent ? line + word : `${line} ${word}`
  }
  return lines
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines]
}

export function adviceLines(advice: Advice): readonly string[] {
  const { pick, flips, measuredFlips, alternatives } = advice
  return [
    `${advice.title}: ${advice.question}`,
    '',
    ...wrapped('Pick: ', pick.name),
    ...wrapped('Why:  ', advice.why),
    ...wrapped('Cost: ', pick.cost),
    ...section(
      'Mind',
      advice.notes.flatMap((note) => wrapped('  - ', note)),
    ),
    ...section('It flips', [
      ...flips.flatMap((flip) => wrapped(`  -> ${flip.to}: `, flipText(flip))),
      ...measuredFlips.flatMap(({ at, to }) => wrapped(`  -> ${to}: `, at)),
    ]),
    ...section(
      'Alternatives',
      alternatives.flatMap(({ id, name, cost, takes }) => [
        ...wrapped(`  ${id}: `, `${name}. Costs: ${cost}.`),
        ...(takes.length === 0 ? [] : wrapped('    would take: ', takes.join(', '))),
      ]),
    ),
    ...section(
      'Measure next',
      advice.measure.flatMap((what) => wrapped('  - ', what)),
    ),
    ...section('Decided on', advice.answers.flatMap(answerLines)),
    ...section(
      'Contradictions',
      advice.contradictions.flatMap((found) => wrapped('  ! ', found)),
    ),
    ...section('Not known', wrapped('  ', advice.uncertainty)),
    ...sourceLines(advice.sources),
    '',
    `Version of this decision: ${advice.version}`,
  ]
}

function answerLines({ id, value, origin, from }: AnsweredQuestion): readonly string[] {
  const how = origin === 'read' ? `read: ${from}` : origin
  return wrapped('  ', `${id} = ${withUnit(id, value)} (${how})`)
}

export function sourceLines(sources: readonly CitedSource[]): readonly string[] {
  return section('Sources', sources.flatMap(sourceText))
}

function sourceText(source: CitedSource): readonly string[] {
  const { title, url, caveat } = source
  const state = sourceState(source)
  return [
    ...wrapped('  - ', `${title} (${state}${caveat === undefined ? '' : `; ${caveat}`})`),
    `    ${url}`,
  ]
}

export function calculationLines(calculation: Calculation): readonly string[] {
  const { inputs, figures, formulas, reading, chart, uncertainty } = calculation
  const names = inputs.map(({ name }) => name.length)
  const titles = figures.map(({ name }) => name.length)
  return [
    calculation.title,
    ...section(
      'With',
      inputs.map(({ name, low, high, unit, given }) => {
        const value = low === high ? number(low) : `${number(low)}..${number(high)}`
        const origin = given ? '' : '  (assumed)'
        return `  ${name.padEnd(Math.max(...names))}  ${`${value} ${unit}`.trim()}${origin}`
      }),
    ),
    ...section(
      'Gives',
      figures.map((figure) => `  ${figure.name.padEnd(Math.max(...titles))}  ${ranged(figure)}`),
    ),
    ...section(
      'Which means',
      reading.flatMap((line) => wrapped('  - ', line)),
    ),
    ...section(chart.title, chartLines(chart)),
    ...section(
      'By',
      formulas.flatMap((formula) => wrapped('  ', formula)),
    ),
    ...section('Not known', wrapped('  ', uncertainty)),
  ]
}

function ranged({ value, low, high, unit }: RangedFigure): string {
  const range = low === high ? '' : `  (${number(low)} to ${number(high)})`
  return `${measured(value, unit)}${range}`
}

function measured(value: number, unit: string): string {
  return Number.isFinite(value) ? `${number(value)} ${unit}`.trim() : number(value)
}

/** Four significant digits, and words where there is no number. */
export function number(value: number): string {
  if (Number.isNaN(value)) return 'not defined'
  if (!Number.isFinite(value)) return 'infinite'
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(2)
  return thousands(Number(value.toPrecision(4)))
}

const BAR_CHARS = 40

export function chartLines({ bars, unit }: Chart): readonly string[] {
  const finite = bars.map(({ value }) => value).filter(Number.isFinite)
  const most = Math.max(...finite, 0)
  const labels = Math.max(...bars.map(({ label }) => label.length))
  return bars.map(({ label, value }) => {
    const share = Number.isFinite(value) ? value / (most || 1) : 1
    const bar = '#'.repeat(Math.max(value > 0 ? 1 : 0, Math.round(share * BAR_CHARS)))
    return `  ${label.padStart(labels)} |${bar.padEnd(BAR_CHARS)} ${measured(value, unit)}`
  })
}

export function playbookLines(
  playbook: Playbook,
  sources: readonly CitedSource[],
): readonly string[] {
  return [
    playbook.title,
    ...wrapped('', playbook.rule),
    ...playbook.steps.flatMap((step, index) => ['', ...stepLines(step, index + 1)]),
    ...section('Over when', wrapped('  ', playbook.done)),
    ...sourceLines(sources),
  ]
}

function stepLines({ act, run, read }: Step, place: number): readonly string[] {
  const lead = `${String(place).padStart(2)}. `
  const command =
    run === undefined
      ? []
      : [
          ...(run.changes ? ['    -- this changes something: read it first'] : []),
          ...settingsFor(run).map((line) => `    -- in psql, first: ${line}`),
          ...run.text.split('\n').map((line) => `      ${line}`),
        ]
  return [
    ...wrapped(lead, act),
    ...command,
    ...(read === undefined ? [] : wrapped('    => ', read)),
  ]
}
