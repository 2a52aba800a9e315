/** What one run has left, beside what one undisturbed execution leaves. */
import { type Outcome, valueText } from '../judge/outcome.ts'
import type { CrashRun } from './run.ts'
import type { CrashClass } from './verdict.ts'

/** What is there when nothing is left to do. */
export interface Seen {
  readonly run: CrashRun
  readonly outcome: Outcome
  readonly broken: readonly string[]
}

export interface Difference {
  readonly kind: 'rule' | 'silence' | 'outside more' | 'outside less' | 'more' | 'less' | 'answer'
  readonly text: string
}

export interface Expected {
  readonly one: Seen
  /** Of the tables, as outcomes have them. */
  readonly names: readonly string[]
  readonly asks: boolean
  /** The answers of one run are the same to the byte. */
  readonly sameBytes: boolean
}

export function differences(seen: Seen, expectation: Expected): Difference[] {
  const { one, names, asks, sameBytes } = expectation
  const { run, outcome, broken } = seen
  const [[reply], [expected]] = [outcome.replies, one.outcome.replies]
  const silent = asks && run.answers.includes(undefined)
  return [
    ...broken.map((text): Difference => ({ kind: 'rule', text })),
    ...(silent ? [{ kind: 'silence', text: 'the client never gets an answer' } as const] : []),
    ...apart('outside', outcome.effects, one.outcome.effects, 'outside '),
    ...names.flatMap((name, index) =>
      apart(name.replace(/^public\./, ''), outcome.tables[index], one.outcome.tables[index], ''),
    ),
    ...(run.answers.at(-1) !== undefined && reply !== expected
      ? [{ kind: 'answer', text: `the answer is ${reply}, and was ${expected}` } as const]
      : []),
    ...(sameBytes ? otherBytes(run) : []),
  ]
}

function otherBytes({ answers }: CrashRun): Difference[] {
  const [first, ...others] = answers.flatMap((answer) => (answer ? [valueText(answer.value)] : []))
  return others
    .filter((text) => text !== first)
    .map((text) => ({ kind: 'answer', text: `the first answer was ${first}, and then ${text}` }))
}

/** What is there and was not, and the other way round; duplicates count. */
function apart(
  name: string,
  now: readonly string[] = [],
  once: readonly string[] = [],
  where: 'outside ' | '',
): Difference[] {
  return [
    ...beyond(now, once).map(
      (text): Difference => ({ kind: `${where}more`, text: `${name} has ${text}, and should not` }),
    ),
    ...beyond(once, now).map(
      (text): Difference => ({ kind: `${where}less`, text: `${name} lacks ${text}` }),
    ),
  ]
}

function beyond(left: readonly string[], right: readonly string[]): string[] {
  const others = [...right]
  return left.filter((text) => {
    const at = others.indexOf(text)
    if (at >= 0) others.splice(at, 1)
    return at < 0
  })
}

/** What is worst comes first: a caller who is told nothing knows at least that. */
export function classOf(found: readonly Difference[]): CrashClass {
  const kinds = new Set(found.map(({ kind }) => kind))
  const [more, less] = [kinds.has('more'), kinds.has('less')]
  if (kinds.has('rule')) return 'invariant'
  if (kinds.has('outside more')) return 'done-twice'
  if (kinds.has('outside less')) return 'lost'
  if (more && less) return 'not-once'
  if (more) return 'done-twice'
  if (less) return 'lost'
  return kinds.has('silence') ? 'no-answer' : 'other-answer'
}
