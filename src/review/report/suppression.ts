/**
 * `// holdfast-review-ignore <rule>: reason` stands above what it excuses, or behind it; for several
 * rules at one place, with commas between them. Without a
 * reason, or where there is nothing to excuse, it is a finding itself.
 */
import type { Finding } from './finding.ts'

interface Suppression {
  readonly rule: string
  readonly reason: string
  readonly line: number
  readonly column: number
}

export type Suppressions = readonly Suppression[]

/** In quotes it is spoken of, as here. */
const COMMENT =
  /(?<!['"`])(?:\/\/|--|#|\/\*)\s*holdfast-review-ignore\b[ \t]*([\w-]+(?:[ \t]*,[ \t]*[\w-]+)+(?=[ \t]*:)|[\w-]*)[ \t]*:?[ \t]*([^\n]*?)(?:\*\/)?[ \t]*$/gm

export function suppressionsOf(text: string): Suppressions {
  if (!text.includes('holdfast-review-ignore')) return []
  return [...text.matchAll(COMMENT)].flatMap((match) => {
    const before = text.slice(0, match.index)
    const reason = (match[2] ?? '').trim()
    const line = before.split('\n').length
    const column = match.index - before.lastIndexOf('\n')
    return (match[1] ?? '').split(/\s*,\s*/).map((rule) => ({ rule, reason, line, column }))
  })
}

export function partition(
  findings: readonly Finding[],
  byPath: ReadonlyMap<string, Suppressions>,
): { readonly kept: readonly Finding[]; readonly excused: readonly Finding[] } {
  const isExcused = (finding: Finding) =>
    (byPath.get(finding.path) ?? []).some((each) => each.reason !== '' && covers(each, finding))
  return {
    kept: findings.filter((finding) => !isExcused(finding)),
    excused: findings.filter(isExcused),
  }
}

/** Suppressions without a reason, and those that excuse none of all findings. */
export function faultySuppressions(
  findings: readonly Finding[],
  byPath: ReadonlyMap<string, Suppressions>,
  frame: (path: string, line: number) => Finding['frame'],
): readonly Finding[] {
  return [...byPath].flatMap(([path, list]) => {
    const own = list.length === 0 ? [] : findings.filter((finding) => finding.path === path)
    return list.flatMap((each) => {
      const complaint = complaintAbout(each, own)
      return complaint === undefined
        ? []
        : [asFinding(path, each, complaint, frame(path, each.line))]
    })
  })
}

function covers({ rule, line }: Suppression, finding: Finding): boolean {
  return rule === finding.rule && (finding.line === line || finding.line === line + 1)
}

function complaintAbout(each: Suppression, findings: readonly Finding[]): string | undefined {
  if (each.rule === '') return 'names no rule'
  if (each.reason === '') return 'gives no reason'
  return findings.some((finding) => covers(each, finding))
    ? undefined
    : `excuses nothing: there is no finding of ${each.rule} here`
}

function asFinding(
  path: string,
  { rule, line, column }: Suppression,
  complaint: string,
  frame: Finding['frame'],
): Finding {
  return {
    rule: 'suppression',
    level: 'warning',
    confidence: 'high',
    path,
    line,
    column,
    endLine: line,
    endColumn: column,
    message: `This suppression ${complaint}.`,
    consequence: 'Nobody can tell later whether it still holds.',
    fix: `// holdfast-review-ignore ${rule || '<rule>'}: <why it does not apply here>`,
    trail: [],
    fingerprint: `suppression-${path}-${rule}-${complaint.length}`,
    frame,
  }
}
