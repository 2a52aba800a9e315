/** The two stacks of HF_SCOPE_CLOSED: where the operation ended, and where it was used after that. */
import { HoldfastError } from '../base/fault.ts'

/** A builder puts more frames than the default between the place that is looked for and ours. */
const STACK_FRAMES = 50

export function endOfScope(): Error {
  return new Error('The operation ended here.')
}

export function scopeClosed(endedAt: Error | undefined): HoldfastError {
  const { stackTraceLimit } = Error
  if (endedAt !== undefined) Error.stackTraceLimit = STACK_FRAMES
  const error = new HoldfastError('HF_SCOPE_CLOSED', undefined, { cause: endedAt })
  Error.stackTraceLimit = stackTraceLimit
  return error
}
