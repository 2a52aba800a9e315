import { HoldfastError } from './fault.ts'

/** A broken rule of ours is a bug, not a failure: it ends the unit of work. */
export function assert(condition: unknown, message: `Bug: ${string}`): asserts condition {
  if (!condition) throw new HoldfastError('HF_BUG', message)
}

export function unreachable(value: never): never {
  throw new HoldfastError('HF_BUG', `Bug: unexpected value ${JSON.stringify(value)}`)
}
