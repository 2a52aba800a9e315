/**
 * From which place in the user's code a message comes, where nothing of it is on the stack any more:
 * many awaits deep in a builder, or behind a promise that was handed on without one.
 *
 * Whatever waits was made somewhere: by a line of the user's, or while something ran that was. For a
 * run that is shown only: every promise passes here.
 */
import { createHook, executionAsyncId } from 'node:async_hooks'
import { callerPlace } from './place.ts'

let places: Map<number, string> | undefined

export function followTrail(): Disposable {
  const before = places
  const found = new Map<number, string>()
  places = found
  const hook = createHook({
    init(id) {
      const place = callerPlace() ?? found.get(executionAsyncId())
      if (place !== undefined) found.set(id, place)
    },
  }).enable()
  return {
    [Symbol.dispose]() {
      hook.disable()
      places = before
    },
  }
}

/** The place that is on the stack, else the one that has led here. */
export function userPlace(): string | undefined {
  return callerPlace() ?? places?.get(executionAsyncId())
}
