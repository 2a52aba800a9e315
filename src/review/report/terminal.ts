/** Findings for people: one after the other, with the lines around them. */
import { styleText } from 'node:util'
import type { Review } from '../review.ts'
import { type Finding, type Level, moreOf } from './finding.ts'

export interface TerminalOptions {
  readonly color: boolean
}

type Style = Parameters<typeof styleText>[0]

const COLORS: Readonly<Record<Level, Style>> = { error: 'red', warning: 'yellow', info: 'cyan' }

type Paint = (style: Style, text: string) => string

function painter({ color }: TerminalOptions): Paint {
  return (style, text) => (color ? styleText(style, text, { validateStream: false }) : text)
}

export function terminalLines(findings: readonly Finding[], options: TerminalOptions): string[] {
  const paint = painter(options)
  return findings.flatMap((finding) => [...findingLines(finding, paint), ''])
}

/** For findings that were shown before it was known what leads there. */
export function pathLines(findings: readonly Finding[], options: TerminalOptions): string[] {
  const paint = painter(options)
  if (findings.length === 0) return []
  const lines = findings.flatMap((finding) => [
    `${paint('bold', placeOf(finding))}  ${finding.rule}`,
    ...trailLines(finding, paint),
  ])
  return ['What leads to findings that stand above without a path:', '', ...lines, '']
}

function placeOf({ path, line, column }: Finding): string {
  return `${path}:${line}:${column}`
}

function trailLines({ trail }: Finding, paint: Paint): string[] {
  if (trail.length === 0) return []
  const steps = trail.map(({ label, path, line }) => `${label} ${paint('dim', `${path}:${line}`)}`)
  return [`  path   ${steps.join('\n         -> ')}`]
}

function findingLines(finding: Finding, paint: Paint): string[] {
  const { rule, level, confidence } = finding
  const more = moreOf(rule)
  return [
    `${paint('bold', placeOf(finding))}  ${paint(COLORS[level], level)}  ${rule}  (confidence ${confidence})`,
    `  ${finding.message}`,
    '',
    ...frameLines(finding, paint),
    '',
    ...trailLines(finding, paint),
    `  then   ${finding.consequence}`,
    `  fix    ${finding.fix.replaceAll('\n', '\n         ')}`,
    ...(more === undefined ? [] : [`  more   ${more}`]),
  ]
}

function frameLines({ frame, line, column, endLine, endColumn }: Finding, paint: Paint): string[] {
  const width = String(frame.firstLine + frame.lines.length).length
  return frame.lines.flatMap((text, index) => {
    const number = frame.firstLine + index
    const gutter = `${String(number).padStart(width)} | `
    if (number !== line) return [paint('dim', `    ${gutter}${text}`.trimEnd())]
    const last = endLine === line ? endColumn : text.length + 1
    const marks = '^'.repeat(Math.max(1, Math.min(last, text.length + 1) - column))
    return [`  > ${gutter}${text}`, `    ${' '.repeat(width)} | ${' '.repeat(column - 1)}${marks}`]
  })
}

export function summaryLine(review: Review, findings: readonly Finding[]): string {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length
  const levels = (['error', 'warning', 'info'] as const)
    .map((level) => [level, count(level)] as const)
    .filter(([, number]) => number > 0)
  const found =
    levels.length === 0
      ? 'Nothing found'
      : levels
          .map(([level, number]) => plural(number, level === 'info' ? 'note' : level))
          .join(', ')
  const notes = [
    review.suppressed > 0 ? `${review.suppressed} suppressed` : '',
    review.passedOver.length > 0
      ? `${review.passedOver.length} passed over (--verbose lists them)`
      : '',
  ].filter(Boolean)
  return `${found} in ${plural(review.files, 'file')}, ${plural(review.lines, 'line')}${notes.map((note) => `; ${note}`).join('')}.`
}

function plural(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
