/** A verdict as people read it in a terminal. */
import { type AnyVerdict, type ReportedFinding, reported } from './reported.ts'
import { traceText } from './trace-text.ts'

/** How a verdict is shown. */
export interface TextOptions {
  /** The name under which it is exported. */
  readonly name: string
  /** Places are shown relative to it. */
  readonly cwd: string
}

/** A verdict as the terminal shows it. */
export function verdictText(verdict: AnyVerdict, options: TextOptions): string {
  const { findings, counts, says } = reported(verdict)
  if (verdict.verdict === 'VIOLATION')
    return findings.map((finding) => findingText(finding, counts, options)).join('\n\n')
  return `${verdict.verdict}  ${options.name}  (${counts})\n  ${says}`
}

function findingText(finding: ReportedFinding, counts: string, { name, cwd }: TextOptions): string {
  const { title, message, trace, evidence, fixes, effort, replay } = finding
  return [
    `VIOLATION  ${name}: ${title}  (${counts})`,
    `  ${message}`,
    '',
    traceText(trace, cwd),
    '',
    ...evidence.map((line) => `  ! ${line}`),
    ...seedLines(finding),
    '',
    ...fixes.flatMap((fix) => [`  ${fix.title}:`, ...(fix.sql === '' ? [] : [`      ${fix.sql}`])]),
    '',
    `  ${effort}; again: --only ${name} --replay ${replay}`,
  ].join('\n')
}

function seedLines({ seedRows }: ReportedFinding): string[] {
  if (seedRows === undefined) return []
  if (seedRows.length === 0) return ['  No row of the seed is needed for it.']
  return ['  Of the seed it needs no more than:', ...seedRows.map((row) => `      ${row}`)]
}
