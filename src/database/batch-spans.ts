/**
 * The spans of a batch: one for the round trip, and below it one for each statement of the user where
 * there are several.
 *
 * The server answers a batch as a whole: how long a statement of it took is not to be seen from here,
 * only which ones ran, which one failed and what came of them. So the spans are made when the answer is
 * there, and none has to live through the round trip. A statement behind a failed one never ran, and
 * has no span. Statements of a batch are `internal`: the batch is the one call that was made.
 */
import type { SpanAttributes, TraceSpan } from '../runtime/telemetry/tracing.ts'
import { batchShapeOf, summaryOf } from './batch-shapes.ts'
import { StatementError } from './sqlstate.ts'
import type { Rows, Statement } from './statement.ts'

export class BatchSpans {
  readonly #parent: TraceSpan
  readonly #statements: readonly Statement[]
  readonly #startMs: number

  constructor(parent: TraceSpan, statements: readonly Statement[]) {
    this.#parent = parent
    this.#statements = statements
    this.#startMs = parent.nowMs()
  }

  end(results: readonly Rows[]): void {
    const { shape, only, inside } = batchShapeOf(this.#statements)
    const batch = this.#parent.child(shape, rowsAt(results, only), this.#startMs)
    for (const { index, shape: statement } of inside) {
      batch.child(statement, rowsAt(results, index), this.#startMs).end()
    }
    batch.end()
  }

  fail(type: string, error: unknown): void {
    const failed = error instanceof StatementError ? error.index : -1
    const { shape, inside } = batchShapeOf(this.#statements)
    const batch = this.#parent.child(shape, this.#failed(failed), this.#startMs)
    for (const { index, shape: statement } of inside) {
      if (index > failed) continue
      const span = batch.child(statement, undefined, this.#startMs)
      if (index === failed) span.fail(type)
      span.end()
    }
    batch.fail(type)
    batch.end()
  }

  /** The text of a span need not be that of the statement which failed: it may be one of ours. */
  #failed(index: number): SpanAttributes | undefined {
    const statement = this.#statements[index]
    return statement && { 'holdfast.statement.failed': summaryOf(statement) }
  }
}

function rowsAt(results: readonly Rows[], index: number | undefined): SpanAttributes | undefined {
  const rows = index === undefined ? undefined : results[index]?.rows.length
  return rows === undefined ? undefined : { 'db.response.returned_rows': rows }
}
