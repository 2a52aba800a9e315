import { parseJson } from '../../base/json.ts'
import { toPointer } from '../../base/schema.ts'
import { builtinProblem, type ProblemError, validationProblem } from '../../operation/problem.ts'

export interface JsonText {
  readonly text: string
  readonly value: unknown
}

/** A body that cannot be read is 400; one that holds a text which nothing may hold is 422. */
export function readJson(bytes: Buffer): JsonText | ProblemError {
  const read = parseJson(bytes)
  if (read.ok) return { text: read.text, value: read.value }
  const { complaint, path } = read
  if (path !== undefined)
    return validationProblem([{ pointer: toPointer(path), message: complaint }])
  return builtinProblem('malformed', { detail: `The body ${complaint}.` })
}
