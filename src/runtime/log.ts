import { pino } from 'pino'
import { type Clock, systemClock } from '../base/clock.ts'
import { prettyLine } from './log-pretty.ts'
import { redact } from './redact.ts'
import { writeToStdout } from './stdout-lines.ts'

export type LogFields = Readonly<Record<string, unknown>>

/** Fields first, then the message: a fixed sentence, so that lines can be counted by it. */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** A log whose lines all carry these fields. */
  with(fields: LogFields): Log
}

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly format?: 'json' | 'pretty'
  /** Where a line goes, line feed included; standard output by default. */
  readonly write?: (line: string) => void
  /** `systemClock` by default. */
  readonly clock?: Clock
}

interface Writer {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  isLevelEnabled(level: string): boolean
  child(fields: object): Writer
}

/** Every field passes `redact` before it is written: a secret in a field never leaves. */
export function createLog(options: LogOptions): Log {
  const line = options.write ?? writeToStdout
  const write = options.format === 'pretty' ? prettily(line) : line
  const clock = options.clock ?? systemClock
  const writer: Writer = pino(
    {
      level: options.level,
      base: null,
      messageKey: 'message',
      timestamp: timestampOf(clock),
      formatters: { level: (label) => ({ level: label }) },
      // Errors are described by redact; pino's own serializer would take the copy for something else.
      serializers: { err: (described) => described },
    },
    { write },
  )
  return new RedactingLog(writer)
}

function prettily(write: (line: string) => void): (json: string) => void {
  return (json) => {
    const line = prettyLine(json)
    if (line !== '') write(line)
  }
}

const SECOND_MS = 1_000

/** The text of a second is kept while it lasts: a busy process writes some thousand lines in it. */
function timestampOf(clock: Clock): () => string {
  let second = Number.NaN
  let text = ''
  return () => {
    const now = clock.now()
    const current = Math.floor(now / SECOND_MS)
    if (current !== second) {
      second = current
      text = new Date(current * SECOND_MS).toISOString().slice(0, -4)
    }
    const ms = Math.floor(now - current * SECOND_MS)
    return `,"time":"${text}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z"`
  }
}

class RedactingLog implements Log {
  readonly #writer: Writer

  constructor(writer: Writer) {
    this.#writer = writer
  }

  debug(fields: LogFields, message: string): void {
    if (this.#writer.isLevelEnabled('debug')) this.#writer.debug(redact(fields), message)
  }

  info(fields: LogFields, message: string): void {
    if (this.#writer.isLevelEnabled('info')) this.#writer.info(redact(fields), message)
  }

  warn(fields: LogFields, message: string): void {
    if (this.#writer.isLevelEnabled('warn')) this.#writer.warn(redact(fields), message)
  }

  error(fields: LogFields, message: string): void {
    if (this.#writer.isLevelEnabled('error')) this.#writer.error(redact(fields), message)
  }

  with(fields: LogFields): Log {
    return new RedactingLog(this.#writer.child(redact(fields)))
  }
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
}
