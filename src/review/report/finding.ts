/** What the reviewer says about one place. */
import { findRule } from '../../rules/rules.ts'

export type Level = 'error' | 'warning' | 'info'
export type Confidence = 'high' | 'medium' | 'low'

export const LEVELS: readonly Level[] = ['info', 'warning', 'error']

export interface TrailStep {
  readonly path: string
  readonly line: number
  readonly label: string
}

export interface Finding {
  /** The entry of the rulebook, which is also the page that explains it. */
  readonly rule: string
  readonly level: Level
  readonly confidence: Confidence
  /** From the folder that is reviewed, with slashes. */
  readonly path: string
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
  /** What stands there. */
  readonly message: string
  /** What it does in production. */
  readonly consequence: string
  /** What to write instead, with the project's own library. */
  readonly fix: string
  /** How a request gets here, where that is seen. */
  readonly trail: readonly TrailStep[]
  /** Stays the same when lines move. */
  readonly fingerprint: string
  /** The lines around it, with the number of the first. */
  readonly frame: { readonly firstLine: number; readonly lines: readonly string[] }
}

/**
 * Where more stands about it: the package carries the rulebook itself, and whoever started it by npx
 * has no page of it. Undefined for what is no entry, as a suppression without a reason.
 */
export function moreOf(rule: string): string | undefined {
  return findRule(rule) && `npx holdfast rules ${rule}`
}

export function atLeast(level: Level, bound: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(bound)
}
