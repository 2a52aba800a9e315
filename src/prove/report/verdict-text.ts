/** A verdict as people read it in a terminal. */
import type { Finding, Verdict } from '../verdict.ts'
import { traceText } from './trace-text.ts'

export interface TextOptions {
  /** The name under which the race is exported. */
  readonly name: string
  /** Places are shown relative to it. */
  readonly cwd: string
}

export function verdictText(verdict: Verdict, options: TextOptions): string {
  const { name } = options
  const seconds = `${(verdict.durationMs / 1000).toFixed(1)} s`
  const counts = `${verdict.schedules} schedules, ${verdict.pruned} pruned, ${seconds}`
  if (verdict.verdict === 'INCONCLUSIVE')
    return `INCONCLUSIVE  ${name}  (${counts})\n  ${verdict.reason}`
  if (verdict.verdict === 'VIOLATION')
    return verdict.findings.map((finding) => findingText(finding, counts, options)).join('\n\n')
  const preemptions =
    verdict.preemptions === 'all'
      ? 'any number of preemptions'
      : `at most ${verdict.preemptions} preemptions`
  return (
    `CERTIFIED  ${name}  (${counts})\n` +
    `  for ${verdict.commands.join(', ')} with these inputs, statement by statement, ${preemptions}, 0 inconclusive`
  )
}

function findingText(finding: Finding, counts: string, { name, cwd }: TextOptions): string {
  const { message, evidence, fixes, preemptions, replayed, replay } = finding
  const kind = titleOf(finding)
  const count = `${preemptions} ${preemptions === 1 ? 'preemption' : 'preemptions'}`
  return [
    `VIOLATION  ${name}: ${kind}  (${counts})`,
    `  ${message}`,
    '',
    traceText(finding, cwd),
    '',
    ...evidence.map((line) => `  ! ${line}`),
    ...seedLines(finding),
    '',
    ...fixes.flatMap(({ title, sql }) => [`  ${title}:`, ...(sql === '' ? [] : [`      ${sql}`])]),
    '',
    `  ${count}, replayed ${replayed} times; again: --only ${name} --replay ${replay}`,
  ].join('\n')
}

export function titleOf({ class: kind, scope }: Finding): string {
  return `${kind.replaceAll('-', ' ')}${scope ? ', across transactions' : ''}`
}

function seedLines({ seedRows }: Finding): string[] {
  if (seedRows === undefined) return []
  if (seedRows.length === 0) return ['  No row of the seed is needed for it.']
  return ['  Of the seed it needs no more than:', ...seedRows.map((row) => `      ${row}`)]
}
