/** Where in the user's code a statement was asked for. Reads a stack: for development alone. */
import { fileURLToPath } from 'node:url'

/** `src/` or `dist/`: frames of ours are passed over, unless they are tests. */
const frameworkRoot = fileURLToPath(new URL('../../', import.meta.url))

/** Builders and their promises stand between the user's line and us. */
const FRAMES_MAX = 60

const PLACE = /(?:\(|at (?:async )?)(?:file:\/\/)?(\/[^()]+:\d+:\d+)\)?$/

/** `file:line:column` of the first frame that is the user's; undefined where none is on the stack. */
export function callSite(): string | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES_MAX
  const { stack } = new Error()
  Error.stackTraceLimit = limit
  return firstUserFrame(stack ?? '')
}

export function firstUserFrame(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    const place = PLACE.exec(line)?.[1]
    if (place !== undefined && isUsers(place)) return place
  }
  return undefined
}

function isUsers(place: string): boolean {
  if (place.includes('/node_modules/')) return false
  return !place.startsWith(frameworkRoot) || /\.test\.[cm]?[jt]s:/.test(place)
}
