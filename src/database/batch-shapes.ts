/**
 * What the spans of a batch have in common with those of the next one like it: statements are named by
 * what they do, and told with their text, which never has a value in it.
 */
import { Remembered } from '../base/remembered.ts'
import type { SpanAttributes, SpanShape } from '../runtime/telemetry/tracing.ts'
import type { Statement } from './statement.ts'

export interface StatementShape {
  readonly index: number
  readonly shape: SpanShape
}

export interface BatchShape {
  readonly shape: SpanShape
  /** The only statement of the user: the span of the batch is its span, too. */
  readonly only: number | undefined
  /** Those of the user, where there are several. */
  readonly inside: readonly StatementShape[]
}

const SYSTEM = 'postgresql'
/** What names no table or one of ours goes along with every batch: its summary says so, and costs less. */
const OF_USERS = / (?!holdfast\.)/
/** Longer texts are cut: a backend that charges by the byte is not the place to read them whole. */
const TEXT_LENGTH_MAX = 2_000
/** Semantic conventions: db.query.summary has at most 255 characters. */
const SUMMARY_LENGTH_MAX = 255
/** Texts come from code and are few; those that are put together at run time are not remembered. */
const TEXTS_MAX = 2_000

/** By the text of one statement after the other: a batch is found without anything being put together. */
interface Step {
  next: Map<string, Step> | undefined
  made: BatchShape | undefined
}

/** Of their texts and of what stands around them: a large app takes a part of it. */
const KEPT_CHARACTERS_MAX = 4 * 1024 * 1024
const STEP_CHARACTERS = 200
let start = emptyStep()
let kept = 0

export function batchShapeOf(statements: readonly Statement[]): BatchShape {
  let at = start
  for (const { text } of statements) at = at.next?.get(text) ?? stepBehind(at, text)
  at.made ??= shapeOf(statements)
  return at.made
}

/**
 * Where there is too much, all is forgotten: what is in use is soon there again, and texts that are never
 * the same must not keep it out.
 */
function stepBehind(at: Step, text: string): Step {
  const step = emptyStep()
  kept += text.length + STEP_CHARACTERS
  if (kept > KEPT_CHARACTERS_MAX) {
    start = emptyStep()
    kept = 0
    return step
  }
  at.next ??= new Map()
  at.next.set(text, step)
  return step
}

function emptyStep(): Step {
  return { next: undefined, made: undefined }
}

function shapeOf(statements: readonly Statement[]): BatchShape {
  const own = statements.map((_, index) => index)
  const told = statements.length === 1 ? own : own.filter((index) => isOfUser(statements, index))
  const only = told.length === 1 ? told[0] : undefined
  const inside = only === undefined ? told : []
  return {
    shape: roundTrip(statements, only),
    only,
    inside: inside.map((index) => ({ index, shape: insideShapes.of(textAt(statements, index)) })),
  }
}

function isOfUser(statements: readonly Statement[], index: number): boolean {
  return OF_USERS.test(summaries.of(textAt(statements, index)))
}

function textAt(statements: readonly Statement[], index: number): string {
  return (statements[index] as Statement).text
}

function roundTrip(statements: readonly Statement[], only: number | undefined): SpanShape {
  const summary = statements.map(summaryOf).join('; ').slice(0, SUMMARY_LENGTH_MAX)
  const size = statements.length
  const attributes: SpanAttributes = {
    ...queryAttributes(summary, only === undefined ? undefined : textAt(statements, only)),
    ...(size > 1 && { 'db.operation.batch.size': size }),
  }
  return { name: summary, kind: 'client', attributes }
}

const insideShapes = new Remembered(TEXTS_MAX, (text): SpanShape => {
  const summary = summaries.of(text)
  return { name: summary, kind: 'internal', attributes: queryAttributes(summary, text) }
})

/** Semantic conventions of database clients, 1.37: a text with placeholders is told as it is. */
function queryAttributes(summary: string, text: string | undefined): SpanAttributes {
  return {
    'db.system.name': SYSTEM,
    'db.query.summary': summary.slice(0, SUMMARY_LENGTH_MAX),
    ...(text !== undefined && { 'db.query.text': text.slice(0, TEXT_LENGTH_MAX) }),
  }
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
