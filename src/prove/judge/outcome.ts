/**
 * The outcome of a schedule as texts that are equal where nobody could tell two outcomes apart.
 *
 * Generated ids (sequences, uuids) are replaced by what their rows say: each id takes its colour from
 * the texts that it stands in, round after round, as graphs are compared. Moments that the server's
 * clock gave are left out. Lists of rows count as sets: without ORDER BY their order means nothing.
 */
import { sha256 } from '../../base/digest.ts'
import type { Contents } from '../arena/arena.ts'
import type { ScheduleResult } from '../run/schedule.ts'

export interface Outcome {
  /** Digest of all of it. */
  readonly digest: string
  /** By table. */
  readonly tables: readonly (readonly string[])[]
  /** By command that is looked at. */
  readonly replies: readonly string[]
  readonly effects: readonly string[]
}

export interface OutcomeRules {
  readonly seed: Contents
  readonly names: readonly string[]
  /** `table.column` or `schema.table.column`; `*` stands for all columns. */
  readonly ignore: readonly string[]
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
/** A uuid without dashes, as ids with a prefix carry it. */
const BARE_UUID = '(?<![0-9a-f])[0-9a-f]{12}[47][0-9a-f]{3}[89ab][0-9a-f]{15}(?![0-9a-f])'
/** Sequences start at a million in a race. */
const ID = new RegExp(`${UUID}|${BARE_UUID}|(?<![\\d.-])[1-9]\\d{6,8}(?![\\d.])`, 'g')
/** To a part of a second: nobody writes such a moment by hand. */
const MOMENT = /\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d(?::?\d\d)?)?/g
const ROUNDS_MAX = 4

interface Text {
  readonly label: string
  readonly text: string
}

/** What of a run is looked at. */
export interface RunResult extends Pick<ScheduleResult, 'contents' | 'results' | 'commands'> {
  readonly effects: readonly Pick<ScheduleResult['effects'][number], 'kind' | 'effect'>[]
}

/** `only`: the commands whose replies count; all by default. */
export function outcomeOf(
  result: RunResult,
  rules: OutcomeRules,
  only: readonly number[] = result.commands,
): Outcome {
  const known = seedWords(rules.seed)
  const clean = (text: string) =>
    text.replaceAll(MOMENT, (moment) => (known.has(moment) ? moment : '<moment>'))
  const texts: Text[] = [
    ...result.contents.flatMap((rows, table) =>
      shownRows(rows, rules, table).map((row) => ({
        label: `t${table}`,
        text: clean(without(row, rules, table)),
      })),
    ),
    ...only.map((command) => ({
      label: `r${command}`,
      text: clean(replyText(result.results[command])),
    })),
    ...result.effects.map(({ kind, effect }) => ({
      label: 'e',
      text: clean(`${kind} ${valueText(effect)}`),
    })),
  ]
  return toOutcome(coloured(texts, known), result.contents.length)
}

function toOutcome(texts: readonly Text[], tables: number): Outcome {
  const labelled = (label: string) =>
    texts
      .filter((text) => text.label === label)
      .map(({ text }) => text)
      .sort()
  const outcome = {
    tables: Array.from({ length: tables }, (_, index) => labelled(`t${index}`)),
    replies: texts.filter(({ label }) => label.startsWith('r')).map(({ text }) => text),
    effects: labelled('e'),
  }
  return { ...outcome, digest: short(JSON.stringify(outcome)) }
}

function short(text: string): string {
  return sha256(text).toString('hex').slice(0, 16)
}

const seeds = new WeakMap<Contents, ReadonlySet<string>>()

/** Ids and moments that stand in the seed mean themselves. */
function seedWords(seed: Contents): ReadonlySet<string> {
  let words = seeds.get(seed)
  if (words === undefined) {
    const text = seed.flat().join('\n')
    words = new Set([...text.matchAll(ID), ...text.matchAll(MOMENT)].map(([word]) => word))
    seeds.set(seed, words)
  }
  return words
}

function shownRows(
  rows: readonly string[],
  { ignore, names }: OutcomeRules,
  table: number,
): readonly string[] {
  return ignore.some((column) => column === `${names[table]}.*`) ? [] : rows
}

function without(row: string, { ignore, names }: OutcomeRules, table: number): string {
  const name = names[table] ?? ''
  const columns = ignore
    .filter((column) => `${name}.`.endsWith(`${column.slice(0, column.lastIndexOf('.') + 1)}`))
    .map((column) => column.slice(column.lastIndexOf('.') + 1))
  if (columns.length === 0) return row
  const kept = Object.entries(JSON.parse(row)).filter(([column]) => !columns.includes(column))
  return JSON.stringify(Object.fromEntries(kept))
}

/** Every id replaced by its colour. */
function coloured(texts: readonly Text[], known: ReadonlySet<string>): Text[] {
  const places = new Map<string, Text[]>()
  for (const text of texts)
    for (const [id] of text.text.matchAll(ID)) {
      if (known.has(id)) continue
      const list = places.get(id)
      if (list === undefined) places.set(id, [text])
      else if (list.at(-1) !== text) list.push(text)
    }
  let colours = new Map([...places.keys()].map((id) => [id, '']))
  for (let round = 0; round < ROUNDS_MAX && places.size > 0; round++) {
    const next = new Map<string, string>()
    for (const [id, list] of places) {
      const contexts = list.map(({ label, text }) => `${label} ${paint(text, colours, id)}`)
      next.set(id, short(contexts.sort().join('\n')))
    }
    const settled = new Set(next.values()).size === new Set(colours.values()).size
    colours = next
    if (settled && round > 0) break
  }
  return texts.map(({ label, text }) => ({ label, text: paint(text, colours) }))
}

function paint(text: string, colours: ReadonlyMap<string, string>, self?: string): string {
  return text.replaceAll(ID, (id) => {
    if (id === self) return '<self>'
    const colour = colours.get(id)
    return colour === undefined ? id : `<${colour}>`
  })
}

function replyText(answer: ScheduleResult['results'][number]): string {
  if (answer === undefined) return 'none'
  return answer.ok ? valueText(answer.value) : `fails: ${errorText(answer.error)}`
}

/** What a caller could branch on. */
export function errorText(error: unknown): string {
  const state = sqlstateOf(error)
  if (state !== undefined) {
    const { constraint } = error as { constraint?: string }
    return constraint === undefined ? state : `${state} ${constraint}`
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : valueText(error)
}

const CAUSES_MAX = 5

/** The SQLSTATE of an error or of what caused it: builders wrap what the driver reports. */
export function sqlstateOf(error: unknown): string | undefined {
  let cause = error
  for (let depth = 0; depth < CAUSES_MAX && typeof cause === 'object' && cause; depth++) {
    const { code, severity } = cause as { code?: unknown; severity?: unknown }
    if (typeof code === 'string' && typeof severity === 'string' && code.length === 5) return code
    cause = (cause as { cause?: unknown }).cause
  }
  return undefined
}

/** Deeper is no reply. */
const DEPTH_MAX = 12

export function valueText(value: unknown): string {
  return JSON.stringify(plain(value, 0)) ?? 'undefined'
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) return '...'
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Error) return errorText(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Map || value instanceof Set) return plain([...value], depth)
  if (Array.isArray(value)) return sorted(value.map((item) => plain(item, depth + 1)))
  const { rows, command } = value as { rows?: unknown; command?: unknown }
  // A result of the driver carries descriptions of its columns, which are no part of it.
  const of = Array.isArray(rows) && typeof command === 'string' ? { rows } : value
  const entries = Object.entries(of).map(([name, item]) => [name, plain(item, depth + 1)] as const)
  return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)))
}

function sorted(items: readonly unknown[]): readonly unknown[] {
  if (!items.every((item) => typeof item === 'object' && item !== null)) return items
  const texts = items.map((item) => [JSON.stringify(item), item] as const)
  return texts.sort(([left], [right]) => (left < right ? -1 : 1)).map(([, item]) => item)
}
