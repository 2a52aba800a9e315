/** The log of an app under test: every line kept, none printed. */
import { createLog, type Log } from '../runtime/log.ts'

/** A line of the log, parsed. */
export interface LogLine {
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

/** A log that keeps its lines. */
export interface TestLog extends Log {
  /** As they would have been written, line feed included. */
  readonly text: string
  readonly lines: readonly LogLine[]
}

/** Nobody reads more of a test; an app in an endless loop must not fill the memory. */
const LINES_MAX = 100_000

export function testLog(): TestLog {
  const written: string[] = []
  const log = createLog({
    level: 'debug',
    format: 'json',
    write(line) {
      if (written.length < LINES_MAX) written.push(line)
    },
  })
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    with: (fields) => log.with(fields),
    get text() {
      return written.join('')
    },
    get lines() {
      return written.map((line) => JSON.parse(line) as LogLine)
    },
  }
}
