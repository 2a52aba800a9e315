/** From what somebody says to what they see. */
import type { Entry } from './rule.ts'
import { createSearch } from './search.ts'
import { type Symptom, type SymptomId, symptoms } from './symptom.ts'

interface SymptomEntry extends Entry {
  readonly id: SymptomId
}

const entries = (Object.keys(symptoms) as SymptomId[]).map(
  (id): SymptomEntry => ({
    id,
    kind: 'symptom',
    title: symptoms[id].title,
    rule: symptoms[id].ask,
    symptoms: [id],
    related: [],
    sources: [],
  }),
)
const search = createSearch(entries)

/** A single word ("query") is more likely a subject than what somebody sees. */
const WORDS_MIN = 2

/** By its id, or by words that are all in it; undefined where a word is of something else. */
export function findSymptom(words: string): SymptomId | undefined {
  const id = words.trim().replaceAll(' ', '-')
  if (Object.hasOwn(symptoms, id)) return id as SymptomId
  if (words.trim().split(/\s+/).length < WORDS_MIN) return undefined
  const [hit] = search(words, 1)
  return hit?.whole ? hit.entry.id : undefined
}

export function symptomOf(id: SymptomId): Symptom {
  return symptoms[id]
}
