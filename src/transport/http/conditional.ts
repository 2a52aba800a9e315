/** Conditional requests (RFC 9110 §13), by entity-tags only: dates are too coarse to guard a write. */
import { builtinProblem, type ProblemError } from '../../operation/problem.ts'

/** RFC 9110 §8.8.3 etagc, ASCII. */
const ENTITY_TAG = /^"([\x21\x23-\x7e]*)"$/
const WEAK_TAG = /^W\/"[\x21\x23-\x7e]*"$/
const TAG_LIST = /^(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e]*")*$/

/**
 * If-Match as `execute` takes it: `*`, or the text inside one strong entity-tag. A weak tag never
 * matches (§13.1.1: strong comparison). A list is refused: a guarded write has seen one version.
 */
export function ifMatch(header: string): string | ProblemError {
  if (header === '*') return header
  const tag = ENTITY_TAG.exec(header)?.[1]
  if (tag !== undefined) return tag
  if (WEAK_TAG.test(header)) return builtinProblem('precondition-failed')
  return builtinProblem('malformed', {
    detail: 'If-Match must be * or one entity-tag as the ETag header gave it, quotes included.',
  })
}

/** Whether the caller already has this representation (§13.1.2: weak comparison). */
export function isUnchanged(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === '*') return true
  if (!TAG_LIST.test(ifNoneMatch)) return false
  const opaque = etag.replace(/^W\//, '')
  return ifNoneMatch
    .split(/[ \t]*,[ \t]*(?=W?\/?")/)
    .some((tag) => tag.replace(/^W\//, '') === opaque)
}
