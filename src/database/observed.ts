/** Counts the batches of a piece of work, and opens spans for them and their statements. */
import type { Clock } from '../base/clock.ts'
import { batchChannel } from '../runtime/telemetry/watch-work.ts'
import type { WorkMeter } from '../runtime/telemetry/work-meter.ts'
import type { TraceContext } from '../runtime/trace-context.ts'
import { summaryOf } from './batch-shapes.ts'
import { BatchSpans } from './batch-spans.ts'
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
  const spans = trace.span?.sampled ? new BatchSpans(trace.span, statements) : undefined
  const startedAtMs = clock.monotonicMs()
  let failure: string | undefined
  try {
    const results = await run()
    spans?.end(results)
    return results
  } catch (error) {
    failure = errorType(error)
    spans?.fail(failure, error)
    throw error
  } finally {
    const durationMs = clock.monotonicMs() - startedAtMs
    meter.roundTrips++
    meter.statements += statements.length
    meter.databaseMs += durationMs
    if (batchChannel.hasSubscribers) {
      batchChannel.publish({ summaries: statements.map(summaryOf), durationMs, failure })
    }
  }
}

function errorType(error: unknown): string {
  if (error instanceof StatementError) return error.state
  return error instanceof ConnectionLostError ? 'connection-lost' : 'error'
}
