/** Walks the tree of a decision, and walks it again with one answer changed to find where it flips. */
import type {
  Answer,
  Condition,
  Confidence,
  Decision,
  Leaf,
  Sameness,
  Threshold,
} from './decision.ts'
import { type QuestionId, questions } from './questions.ts'

export type Known = ReadonlyMap<QuestionId, Answer>

export interface Need {
  readonly need: QuestionId
}

export interface Outcome {
  readonly leaf: Leaf
  readonly notes: readonly string[]
}

/** The outcome, or the one answer that the tree cannot go on without. */
export function evaluate(decision: Decision, known: Known): Outcome | Need {
  const leaf = pick(decision, known)
  if ('need' in leaf) return leaf
  const notes: string[] = []
  for (const { when, say } of decision.notes) {
    const held = holds(when, known)
    if (typeof held !== 'boolean') return held
    if (held) notes.push(say)
  }
  return { leaf, notes }
}

function pick(decision: Decision, known: Known): Leaf | Need {
  for (const branch of decision.branches) {
    const held = holds(branch.when, known)
    if (typeof held !== 'boolean') return held
    if (held) return branch
  }
  return decision.otherwise
}

export function holds(condition: Condition, known: Known): boolean | Need {
  switch (condition.op) {
    case 'all':
      return firstThat(condition.of, known, false) ?? true
    case 'any':
      return firstThat(condition.of, known, true) ?? false
    default: {
      const answer = known.get(condition.question)
      if (answer === undefined) return { need: condition.question }
      if (condition.op === 'is') return condition.values.includes(answer)
      const amount = Number(answer)
      return condition.op === 'above' ? amount > condition.value : amount < condition.value
    }
  }
}

/** The part that settles the whole, or the answer that is missing before one does. */
function firstThat(
  of: readonly Condition[],
  known: Known,
  settles: boolean,
): boolean | Need | undefined {
  for (const part of of) {
    const held = holds(part, known)
    if (typeof held !== 'boolean' || held === settles) return held
  }
  return undefined
}

/** How an answer stands to a number or word; in words, because it is shown as it is. */
export type Comparison = 'above' | 'at least' | 'below' | 'at most' | 'is'

export interface Flip {
  readonly question: QuestionId
  readonly now: Answer
  readonly when: Comparison
  readonly value: Answer
  readonly to: string
  readonly confidence: Confidence | undefined
}

/** Where one changed answer changes the pick; for numbers the nearest such place each way. */
export function flipsOf(decision: Decision, known: Known): readonly Flip[] {
  const asked = conditionsOf(decision)
  const ids = [...new Set(asked.map(({ question }) => question))]
  return ids.flatMap((id) => {
    const now = answerOf(id, known)
    if (typeof now !== 'number') return choiceFlips(decision, known, id, now)
    const thresholds = asked.filter(
      (condition): condition is Threshold => condition.question === id && condition.op !== 'is',
    )
    return numberFlips(decision, known, thresholds, now)
  })
}

export function conditionsOf({ branches }: Decision): readonly (Threshold | Sameness)[] {
  return branches.flatMap(({ when }) => flat(when))
}

function flat(condition: Condition): readonly (Threshold | Sameness)[] {
  return 'of' in condition ? condition.of.flatMap(flat) : [condition]
}

function answerOf(id: QuestionId, known: Known): Answer {
  return known.get(id) ?? questions[id].assume
}

function pickWith(decision: Decision, known: Known, id: QuestionId, value: Answer): string {
  const changed = new Map(known).set(id, value)
  for (;;) {
    const leaf = pick(decision, changed)
    if (!('need' in leaf)) return leaf.pick
    changed.set(leaf.need, questions[leaf.need].assume)
  }
}

function choiceFlips(
  decision: Decision,
  known: Known,
  question: QuestionId,
  now: Answer,
): readonly Flip[] {
  const current = pickWith(decision, known, question, now)
  const { choices } = { choices: undefined, ...questions[question] }
  const others =
    choices === undefined ? [!now] : Object.keys(choices).filter((name) => name !== now)
  return others.flatMap((value) => {
    const to = pickWith(decision, known, question, value)
    const flip: Flip = { question, now, when: 'is', value, to, confidence: undefined }
    return to === current ? [] : [flip]
  })
}

function numberFlips(
  decision: Decision,
  known: Known,
  thresholds: readonly Threshold[],
  now: number,
): readonly Flip[] {
  const flips = thresholds.flatMap(({ question, op, value, confidence }) =>
    waysTo(value, now).flatMap((way): WayFlip[] => {
      const current = pickWith(decision, known, question, now)
      const to = pickWith(decision, known, question, justPast(value, way))
      if (to === current) return []
      return [{ question, now, when: COMPARISONS[op][way], value, to, confidence, way }]
    }),
  )
  return WAYS.flatMap((way) => nearest(flips, way, now)).map(({ way: _, ...flip }) => flip)
}

type Way = 'up' | 'down'
const WAYS: readonly Way[] = ['up', 'down']

const COMPARISONS = {
  above: { up: 'above', down: 'at most' },
  below: { up: 'at least', down: 'below' },
} as const

/** Away from what is answered now: a pick changes at a threshold only, never between two. */
function waysTo(value: number, now: number): readonly Way[] {
  if (value === now) return WAYS
  return now > value ? ['down'] : ['up']
}

type WayFlip = Flip & { readonly way: Way }

function nearest(flips: readonly WayFlip[], way: Way, now: number): readonly WayFlip[] {
  const distance = ({ value }: Flip) => Math.abs(Number(value) - now)
  return flips
    .filter((flip) => flip.way === way)
    .sort((left, right) => distance(left) - distance(right))
    .slice(0, 1)
}

function justPast(value: number, way: Way): number {
  const step = Math.max(Math.abs(value), 1) * 1e-9
  return way === 'up' ? value + step : value - step
}

/** What would have to be otherwise for the tree to pick `option`: the nearest of its branches. */
export function missingFor(
  decision: Decision,
  known: Known,
  option: string,
): readonly (Threshold | Sameness)[] {
  const branches = decision.branches.filter(({ pick }) => pick === option)
  const ways = branches.map(({ when }) => unmet(when, known))
  return ways.sort((left, right) => left.length - right.length)[0] ?? []
}

function unmet(condition: Condition, known: Known): readonly (Threshold | Sameness)[] {
  if ('of' in condition) {
    const parts = condition.of.map((part) => unmet(part, known))
    if (condition.op === 'all') return parts.flat()
    return parts.sort((left, right) => left.length - right.length)[0] ?? []
  }
  const answer = answerOf(condition.question, known)
  return holds(condition, new Map([[condition.question, answer]])) === true ? [] : [condition]
}
