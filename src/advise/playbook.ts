/** What to do, in order, with commands that can be pasted as they stand. */
import type { Entry } from '../rules/rule.ts'
import type { AdviceSource } from './source.ts'

export interface Command {
  readonly language: 'sql' | 'sh'
  /** Placeholders are psql variables (:pid) and shell variables ($NAME). */
  readonly text: string
  /** Changes something: read it before you paste it. */
  readonly changes?: true
}

export interface Step {
  readonly act: string
  readonly run?: Command
  /** What to look for in what comes out, and what it means. */
  readonly read?: string
}

export interface Playbook extends Entry {
  readonly kind: 'playbook'
  /** What people say when they need it. */
  readonly says: readonly string[]
  /** The same as one text, for the search. */
  readonly summary: string
  readonly when: 'planned' | 'incident'
  readonly steps: readonly Step[]
  /** How to know that it is over. */
  readonly done: string
  readonly sources: readonly AdviceSource[]
}

type Written = Omit<Playbook, 'kind' | 'summary' | 'symptoms' | 'related'> &
  Partial<Pick<Playbook, 'symptoms' | 'related'>>

export function playbook(written: Written): Playbook {
  const summary = written.says.join('. ')
  return { symptoms: [], related: [], ...written, summary, kind: 'playbook' }
}

export function sql(text: string): Command {
  return { language: 'sql', text }
}

export function sh(text: string): Command {
  return { language: 'sh', text }
}

/** The same, for what changes something. */
export function changing(command: Command): Command {
  return { ...command, changes: true }
}

/** `:pid`, `:'slot'`, `:"role"`; `::text` is a cast. */
const VARIABLE = /(?<![:\w]):(?:([a-z]\w*)|'(\w+)'|"(\w+)")/g

/** What psql has to be told before the command: `\set slot '...'`. */
export function settingsFor({ language, text }: Command): readonly string[] {
  if (language !== 'sql') return []
  const names = [...text.matchAll(VARIABLE)].map(([, bare, value, name]) => bare ?? value ?? name)
  return [...new Set(names)].map((name) => `\\set ${name} '...'`)
}
