/**
 * Counts the batches of a piece of work, and opens a span for each. The span names its statements by
 * what they do, and holds their text, which never has a value in it.
 */
import type { Clock } from '../base/clock.ts'
import type { TraceSpan } from '../runtime/telemetry/tracing.ts'
import { batchChannel } from '../runtime/telemetry/watch-work.ts'
import type { WorkMeter } from '../runtime/telemetry/work-meter.ts'
import type { TraceContext } from '../runtime/trace-context.ts'
import type { Connection } from './connection.ts'
import type { Pool } from './pool.ts'
import { ConnectionLostError, StatementError } from './sqlstate.ts'
import type { Rows, Statement } from './statement.ts'

/** The work that batches belong to; a scope is one. */
export interface Observed {
  readonly meter: WorkMeter
  readonly trace: TraceContext
}

/** A connection, and how long the work has waited for it. */
export async function acquireFor(
  pool: Pool,
  observed: Observed | undefined,
  deadlineMs: number,
): Promise<Connection> {
  if (observed === undefined) return pool.acquire(deadlineMs)
  const startedAtMs = pool.clock.monotonicMs()
  try {
    return await pool.acquire(deadlineMs)
  } finally {
    observed.meter.waitMs += pool.clock.monotonicMs() - startedAtMs
  }
}

export async function observedBatch(
  clock: Clock,
  observed: Observed | undefined,
  statements: readonly Statement[],
  run: () => Promise<Rows[]>,
): Promise<Rows[]> {
  if (observed === undefined) return run()
  const { meter, trace } = observed
  const span = trace.span === undefined ? undefined : openSpan(trace.span, statements)
  const startedAtMs = clock.monotonicMs()
  let failure: string | undefined
  try {
    return await run()
  } catch (error) {
    failure = errorType(error)
    span?.fail(failure)
    throw error
  } finally {
    const durationMs = clock.monotonicMs() - startedAtMs
    meter.roundTrips++
    meter.statements += statements.length
    meter.databaseMs += durationMs
    span?.end()
    if (batchChannel.hasSubscribers) {
      batchChannel.publish({ summaries: statements.map(summaryOf), durationMs, failure })
    }
  }
}

/** Longer texts are cut: a backend that charges by the byte is not the place to read them whole. */
const TEXT_LENGTH_MAX = 2_000
/** Semantic conventions: db.query.summary has at most 255 characters. */
const SUMMARY_LENGTH_MAX = 255

function openSpan(parent: TraceSpan, statements: readonly Statement[]): TraceSpan {
  const summary = statements.map(summaryOf).join('; ')
  const text = statements.map((statement) => statement.text).join(';\n')
  const { length } = statements
  return parent.child(summary.slice(0, SUMMARY_LENGTH_MAX), 'client', {
    'db.system.name': 'postgresql',
    'db.query.summary': summary.slice(0, SUMMARY_LENGTH_MAX),
    'db.query.text': text.slice(0, TEXT_LENGTH_MAX),
    ...(length > 1 && { 'db.operation.batch.size': length }),
  })
}

const SUMMARY = /^\s*(?:WITH\b[\s\S]*?\)\s*)?(\w+)(?:\s+(?:INTO|FROM)\s+([\w."]+))?/i
const TARGET = /\b(?:FROM|INTO|UPDATE|JOIN)\s+([\w."]+)/i
/** Texts come from code and are few; those that are put together at run time are not remembered. */
const SUMMARIES_MAX = 2_000
const summaries = new Map<string, string>()

/** What a statement does, and to what: `INSERT orders`. */
function summaryOf({ text }: Statement): string {
  const known = summaries.get(text)
  if (known !== undefined) return known
  const verb = (SUMMARY.exec(text)?.[1] ?? 'SQL').toUpperCase()
  const target = TARGET.exec(text)?.[1]?.replaceAll('"', '')
  const summary = target === undefined ? verb : `${verb} ${target}`
  if (summaries.size < SUMMARIES_MAX) summaries.set(text, summary)
  return summary
}

function errorType(error: unknown): string {
  if (error instanceof StatementError) return error.state
  return error instanceof ConnectionLostError ? 'connection-lost' : 'error'
}
