import { builtinProblem, type ProblemError } from '../../operation/problem.ts'

export type QueryPair = readonly [name: string, value: string]

/** Nobody asks with more; each name is looked up in the schema. */
const PARAMETERS_MAX = 100

const none: readonly QueryPair[] = []

/**
 * The parameters of a query string, in order (application/x-www-form-urlencoded: `+` is a space).
 * Names and values must be valid UTF-8 once decoded.
 */
export function parseQuery(query: string): readonly QueryPair[] | ProblemError {
  if (query === '') return none
  const parts = query.split('&')
  if (parts.length > PARAMETERS_MAX)
    return malformed(`The query has more than ${PARAMETERS_MAX} parameters.`)
  const pairs: QueryPair[] = []
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decoded(equals < 0 ? part : part.slice(0, equals))
    const value = decoded(equals < 0 ? '' : part.slice(equals + 1))
    if (name === undefined || value === undefined)
      return malformed('The query holds a percent-encoding that is not valid UTF-8 text.')
    if (name === '__proto__' || name === 'constructor')
      return malformed(`The query parameter ${name} is not allowed.`)
    pairs.push([name, value])
  }
  return pairs
}

/** Undefined where the encoding is broken, or where the text holds a NUL that Postgres cannot. */
function decoded(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    const result = decodeURIComponent(spaced)
    return result.includes('\0') ? undefined : result
  } catch {
    return undefined
  }
}

function malformed(detail: string): ProblemError {
  return builtinProblem('malformed', { detail })
}
