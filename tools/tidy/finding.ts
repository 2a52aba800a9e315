import { lineOf } from './scan.ts'
import type { SourceFile } from './source-file.ts'

export interface Finding {
  readonly rule: string
  readonly path: string
  readonly line: number
  /** What is wrong and what to do instead. */
  readonly message: string
}

export function finding(rule: string, file: SourceFile, offset: number, message: string): Finding {
  return { rule, path: file.path, line: lineOf(file.text, offset), message }
}

export interface Exception {
  readonly rule: string
  readonly path: string
  readonly reason: string
}

/** Findings without those excepted, and one finding for each exception that nothing needs any more. */
export function withExceptions(
  findings: readonly Finding[],
  exceptions: readonly Exception[],
): Finding[] {
  const meets = (found: Finding, exception: Exception) =>
    found.rule === exception.rule && found.path === exception.path
  const left = findings.filter((found) => !exceptions.some((exception) => meets(found, exception)))
  const unused = exceptions
    .filter((exception) => !findings.some((found) => meets(found, exception)))
    .map(({ rule, path }) => ({
      rule,
      path,
      line: 1,
      message: 'Its exception is no longer needed: remove it.',
    }))
  return [...left, ...unused]
}

export function describe({ rule, path, line, message }: Finding): string {
  return `${path}:${line} [${rule}] ${message}`
}
