/**
 * What an entry of the rulebook consists of. Pages, review, advice and the skill are faces of the
 * same entries, so they cannot disagree.
 */
import type { SymptomId } from './symptom.ts'

export type EntryKind =
  | 'pattern'
  | 'anti-pattern'
  | 'decision'
  | 'calculator'
  | 'playbook'
  | 'symptom'

/** error: loses, doubles or leaks something. warning: fails under load or age. info: costs later. */
export type Severity = 'error' | 'warning' | 'info'

export type Area =
  | 'api'
  | 'caching'
  | 'calls'
  | 'concurrency'
  | 'connections'
  | 'messaging'
  | 'migrations'
  | 'operations'
  | 'queries'
  | 'runtime'
  | 'security'
  | 'structure'

export interface Source {
  readonly title: string
  readonly url: string
  /** The day on which it was last found there: '2026-11-21'. */
  readonly checked: `${number}-${number}-${number}`
}

/** What every kind of entry has: enough to list, link and search it. */
export interface Entry {
  /** Kebab-case; never changes, since findings and links carry it. */
  readonly id: string
  readonly kind: EntryKind
  readonly title: string
  /** One sentence that can be followed without the rest. */
  readonly rule: string
  readonly symptoms: readonly SymptomId[]
  /** Ids of entries that a reader of this one needs next. */
  readonly related: readonly string[]
  readonly sources: readonly Source[]
}

/** What Holdfast does unless told otherwise. Without a test that shows it, it may not be claimed. */
export interface HoldfastDefault {
  readonly does: string
  /** Paths from the root of the repository: code, guides, `docs/errors.md#hf_...`. */
  readonly see: readonly string[]
  /** Path of the test that fails when it is no longer so. */
  readonly proof: string
}

/**
 * A pattern or an anti-pattern. Its code stands in `src/rules/code/<id>/broken.ts` and `fixed.ts`.
 */
export interface Rule extends Entry {
  readonly kind: 'pattern' | 'anti-pattern'
  readonly area: Area
  readonly severity: Severity
  /** The mechanism, and the failure that it causes in production. */
  readonly why: string
  /** When the rule does not apply. */
  readonly whenNot: string
  /** Detectors of `holdfast review` that find it; none where only people can see it. */
  readonly detectors: readonly string[]
  /** Of an anti-pattern that no detector finds: why code does not show it, and what does. */
  readonly unseen?: string
  /** Undefined where the entry is advice: nothing in Holdfast makes it hold by itself. */
  readonly holdfast: HoldfastDefault | undefined
}
