/**
 * Ranked search over entries of any kind. The whole rulebook is a few hundred short texts, so each
 * search scores every entry; words meet by their stem and by prefix.
 */
import type { Entry } from './rule.ts'
import { symptoms } from './symptom.ts'

export interface SearchHit<E extends Entry> {
  readonly entry: E
  readonly score: number
  /** Whether it has every word that was asked for. */
  readonly whole: boolean
}

interface Field {
  readonly weight: number
  readonly text: string
}

/** The rest of what an entry says, whatever its kind. */
const PROSE = ['why', 'whenNot', 'question', 'summary', 'text'] as const

function fieldsOf(entry: Entry): readonly Field[] {
  const prose = entry as Entry & Partial<Record<(typeof PROSE)[number], unknown>>
  return [
    { weight: 8, text: entry.id.replaceAll('-', ' ') },
    { weight: 6, text: entry.title },
    { weight: 4, text: entry.rule },
    // The fewer things an entry shows as, the more it is about each of them.
    ...entry.symptoms.map((id) => ({
      weight: 8 / entry.symptoms.length,
      text: symptoms[id].title,
    })),
    ...PROSE.flatMap((name) => {
      const text = prose[name]
      return typeof text === 'string' ? [{ weight: 1, text }] : []
    }),
  ]
}

/** Words that are asked for alike, whichever of them an entry uses. */
const ALIKE: readonly (readonly string[])[] = [
  ['auth', 'authorization', 'authorisation', 'permission'],
  ['breaker', 'circuit'],
  ['deadlock', 'lock'],
  ['double', 'duplicate', 'twice'],
  ['idempotent', 'idempotency'],
  ['injection', 'sql'],
  ['kubernetes', 'k8s', 'probe', 'readiness'],
  ['leak', 'leaked', 'exposed'],
  ['pagination', 'paging', 'page'],
  ['postgres', 'postgresql', 'database', 'db'],
  ['race', 'concurrent', 'parallel'],
  ['slow', 'latency', 'performance'],
  ['tenant', 'customer'],
  ['timezone', 'zone'],
]

const STOP_WORDS = new Set(
  'a an and are as at be by for from in is it of on or the to we with'.split(' '),
)

/** Enough of English to bring "queries", "query" and "retries", "retry" together. */
function stem(word: string): string {
  const plain = word.replace(/ies$/, 'y').replace(/(?<=[^s]{3})s$/, '')
  return plain.length > 4 ? plain.replace(/(?:ing|ed|e)$/, '') : plain
}

function wordsOf(text: string): readonly string[] {
  const words = text.toLowerCase().match(/[\p{Letter}\p{Number}]+/gu) ?? []
  return words.filter((word) => !STOP_WORDS.has(word)).map(stem)
}

/** For each word of a query itself, then the words that are like it. */
function asked(query: string): readonly (readonly string[])[] {
  return [...new Set(wordsOf(query))].map((word) =>
    [word, ...ALIKE.map((group) => group.map(stem)).filter((group) => group.includes(word))].flat(),
  )
}

/** A whole word counts in full, the beginning of one half. */
function matchOf(word: string, words: readonly string[]): number {
  if (words.includes(word)) return 1
  return word.length >= 3 && words.some((other) => other.startsWith(word)) ? 0.5 : 0
}

function scoreOf(alternatives: readonly string[], fields: readonly IndexedField[]): number {
  const scores = fields.map(
    ({ weight, words }) =>
      weight *
      Math.max(...alternatives.map((word, at) => matchOf(word, words) / (at === 0 ? 1 : 2))),
  )
  return scores.reduce((sum, score) => sum + score, 0)
}

interface IndexedField {
  readonly weight: number
  readonly words: readonly string[]
}

/** Asks with a fixed set of entries. An entry that lacks a word is below every entry that has all. */
export function createSearch<E extends Entry>(
  entries: readonly E[],
): (query: string, hitsMax: number) => readonly SearchHit<E>[] {
  const indexed = entries.map((entry) => ({
    entry,
    fields: fieldsOf(entry).map(({ weight, text }) => ({ weight, words: wordsOf(text) })),
  }))
  return (query, hitsMax) => {
    const words = asked(query)
    const rarity = words.map((word) => {
      const found = indexed.filter(({ fields }) => scoreOf(word, fields) > 0).length
      return Math.log(1 + entries.length / (1 + found))
    })
    return indexed
      .map(({ entry, fields }) => {
        const scores = words.map((word, at) => scoreOf(word, fields) * (rarity[at] ?? 1))
        const present = scores.filter((score) => score > 0).length
        const sum = scores.reduce((total, score) => total + score, 0)
        const whole = present === words.length
        return { entry, whole, score: words.length === 0 ? 0 : sum * (present / words.length) ** 2 }
      })
      .filter(({ score }) => score > 0)
      .sort((left, right) => right.score - left.score || (left.entry.id < right.entry.id ? -1 : 1))
      .slice(0, hitsMax)
  }
}
