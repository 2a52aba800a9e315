import { type AnyVerdict, reported } from './reported.ts'
import { verdictText } from './verdict-text.ts'

export interface Proven {
  readonly name: string
  readonly file: string
  readonly verdict: AnyVerdict
}

/** JUnit XML: a violation is a failure, what could not be decided an error. */
export function junitText(proven: readonly Proven[], cwd: string): string {
  const count = (kind: AnyVerdict['verdict']) =>
    proven.filter(({ verdict }) => verdict.verdict === kind).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="holdfast prove" tests="${proven.length}" failures="${count('VIOLATION')}" errors="${count('INCONCLUSIVE')}">`,
    ...proven.map((one) => testcase(one, cwd)),
    '</testsuite>',
    '',
  ].join('\n')
}

function testcase({ name, file, verdict }: Proven, cwd: string): string {
  const open = `  <testcase classname="${escaped(file)}" name="${escaped(name)}" time="${verdict.durationMs / 1000}"`
  if (verdict.verdict === 'CERTIFIED') return `${open}/>`
  const tag = verdict.verdict === 'VIOLATION' ? 'failure' : 'error'
  const text = escaped(verdictText(verdict, { name, cwd }))
  return `${open}>\n    <${tag} message="${escaped(reported(verdict).says)}">${text}</${tag}>\n  </testcase>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

export function escaped(text: string): string {
  // XML 1.0 has no place for control characters, not even as references.
  const printable = [...text]
    .filter((char) => char >= ' ' || char === '\n' || char === '\t')
    .join('')
  return printable.replaceAll(/[&<>"]/g, (char) => ENTITIES[char] as string)
}
