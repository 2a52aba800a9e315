/**
 * The spans of a batch: one for the round trip, and below it one for each statement of the user.
 * They name statements by what they do, and hold their text, which never has a value in it.
 *
 * The server answers a batch as a whole: how long a statement of it took is not to be seen from here,
 * only which ones ran, which one failed and what came of them. A statement behind a failed one never
 * ran, and has no span. Statements of a batch are `internal`: the batch is the one call that was made.
 */
import { Remembered } from '../base/remembered.ts'
import type { SpanShape, TraceSpan } from '../runtime/telemetry/tracing.ts'
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
      return new BatchSpans(parent.child(alone.of(only.text)), [])
    }
    const summary = statements.map(summaryOf).join('; ').slice(0, SUMMARY_LENGTH_MAX)
    const batch = parent.child(batches.of(summary), {
      'db.operation.batch.size': statements.length,
    })
    if (!batch.sampled) return new BatchSpans(batch, [])
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
    if (!OF_USERS.test(summaryOf(statement))) continue
    open.push({ index, span: batch.child(inside.of(statement.text)) })
  }
  return open
}

/** Longer texts are cut: a backend that charges by the byte is not the place to read them whole. */
const TEXT_LENGTH_MAX = 2_000
/** Semantic conventions: db.query.summary has at most 255 characters. */
const SUMMARY_LENGTH_MAX = 255

/** Texts come from code and are few; those that are put together at run time are not remembered. */
const TEXTS_MAX = 2_000
const alone = new Remembered(TEXTS_MAX, (text) => statementShape(text, 'client'))
const inside = new Remembered(TEXTS_MAX, (text) => statementShape(text, 'internal'))
const batches = new Remembered(TEXTS_MAX, (summary): SpanShape => {
  const attributes = { 'db.system.name': SYSTEM, 'db.query.summary': summary }
  return { name: summary, kind: 'client', attributes }
})

/** Semantic conventions of database clients, 1.37: a text with placeholders is told as it is. */
function statementShape(text: string, kind: 'client' | 'internal'): SpanShape {
  const summary = summaries.of(text)
  const attributes = {
    'db.system.name': SYSTEM,
    'db.query.summary': summary.slice(0, SUMMARY_LENGTH_MAX),
    'db.query.text': text.slice(0, TEXT_LENGTH_MAX),
  }
  return { name: summary, kind, attributes }
}

const SUMMARY = /^\s*(?:WITH\b[\s\S]*?\)\s*)?(\w+)(?:\s+(?:INTO|FROM)\s+([\w."]+))?/i
const TARGET = /\b(?:FROM|INTO|UPDATE|JOIN)\s+([\w."]+)/i
const summaries = new Remembered(TEXTS_MAX, (text) => {
  const verb = (SUMMARY.exec(text)?.[1] ?? 'SQL').toUpperCase()
  const target = TARGET.exec(text)?.[1]?.replaceAll('"', '')
  return target === undefined ? verb : `${verb} ${target}`
})

/** What a statement does, and to what: `INSERT orders`. */
export function summaryOf({ text }: Statement): string {
  return summaries.of(text)
}
