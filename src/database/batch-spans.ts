/**
 * The spans of a batch: one for the round trip, and below it one for each statement of the user.
 * They name statements by what they do, and hold their text, which never has a value in it.
 *
 * The server answers a batch as a whole: how long a statement of it took is not to be seen from here,
 * only which ones ran, which one failed and what came of them. A statement behind a failed one never
 * ran, and has no span. Statements of a batch are `internal`: the batch is the one call that was made.
 */
import type { SpanAttributes, TraceSpan } from '../runtime/telemetry/tracing.ts'
import { StatementError } from './sqlstate.ts'
import type { Rows, Statement } from './statement.ts'

interface OpenStatement {
  readonly index: number
  readonly span: TraceSpan
}

export class BatchSpans {
  readonly #batch: TraceSpan
  readonly #statements: readonly OpenStatement[]

  private constructor(batch: TraceSpan, statements: readonly OpenStatement[]) {
    this.#batch = batch
    this.#statements = statements
  }

  /** A statement that travels alone is its round trip. */
  static open(parent: TraceSpan, statements: readonly Statement[]): BatchSpans {
    const [only] = statements
    if (statements.length === 1 && only !== undefined) {
      return new BatchSpans(parent.child(summaryOf(only), 'client', attributesOf(only)), [])
    }
    const summary = statements.map(summaryOf).join('; ').slice(0, SUMMARY_LENGTH_MAX)
    const batch = parent.child(summary, 'client', {
      'db.system.name': SYSTEM,
      'db.query.summary': summary,
      'db.operation.batch.size': statements.length,
    })
    // Nobody collects them: the decision was the caller's, or the sampler's.
    if (!batch.trace.sampled) return new BatchSpans(batch, [])
    return new BatchSpans(batch, openStatements(batch, statements))
  }

  end(results: readonly Rows[]): void {
    for (const { index, span } of this.#statements) {
      const rows = results[index]?.rows.length
      if (rows !== undefined) span.set({ 'db.response.returned_rows': rows })
      span.end()
    }
    this.#batch.end()
  }

  fail(type: string, error: unknown): void {
    const failed = error instanceof StatementError ? error.index : -1
    for (const { index, span } of this.#statements) {
      if (index > failed) continue
      if (index === failed) span.fail(type)
      span.end()
    }
    this.#batch.fail(type)
    this.#batch.end()
  }
}

const SYSTEM = 'postgresql'
/** What names no table or one of ours goes along with every batch: its summary says so, and costs less. */
const OF_USERS = / (?!holdfast\.)/

function openStatements(
  batch: TraceSpan,
  statements: readonly Statement[],
): readonly OpenStatement[] {
  const open: OpenStatement[] = []
  for (const [index, statement] of statements.entries()) {
    const summary = summaryOf(statement)
    if (!OF_USERS.test(summary)) continue
    open.push({ index, span: batch.child(summary, 'internal', attributesOf(statement)) })
  }
  return open
}

/** Longer texts are cut: a backend that charges by the byte is not the place to read them whole. */
const TEXT_LENGTH_MAX = 2_000
/** Semantic conventions: db.query.summary has at most 255 characters. */
const SUMMARY_LENGTH_MAX = 255

/** Semantic conventions of database clients, 1.37: a text with placeholders is told as it is. */
function attributesOf(statement: Statement): SpanAttributes {
  return {
    'db.system.name': SYSTEM,
    'db.query.summary': summaryOf(statement).slice(0, SUMMARY_LENGTH_MAX),
    'db.query.text': statement.text.slice(0, TEXT_LENGTH_MAX),
  }
}

const SUMMARY = /^\s*(?:WITH\b[\s\S]*?\)\s*)?(\w+)(?:\s+(?:INTO|FROM)\s+([\w."]+))?/i
const TARGET = /\b(?:FROM|INTO|UPDATE|JOIN)\s+([\w."]+)/i
/** Texts come from code and are few; those that are put together at run time are not remembered. */
const SUMMARIES_MAX = 2_000
const summaries = new Map<string, string>()

/** What a statement does, and to what: `INSERT orders`. */
export function summaryOf({ text }: Statement): string {
  const known = summaries.get(text)
  if (known !== undefined) return known
  const verb = (SUMMARY.exec(text)?.[1] ?? 'SQL').toUpperCase()
  const target = TARGET.exec(text)?.[1]?.replaceAll('"', '')
  const summary = target === undefined ? verb : `${verb} ${target}`
  if (summaries.size < SUMMARIES_MAX) summaries.set(text, summary)
  return summary
}
