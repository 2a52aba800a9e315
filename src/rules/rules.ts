/** The registry of the rulebook. */
import { accessRules } from './entries/access.ts'
import { apiRules } from './entries/api.ts'
import { cachingRules } from './entries/caching.ts'
import { callRules } from './entries/calls.ts'
import { concurrencyRules } from './entries/concurrency.ts'
import { connectionRules } from './entries/connections.ts'
import { messagingRules } from './entries/messaging.ts'
import { migrationRules } from './entries/migrations.ts'
import { operationsRules } from './entries/operations.ts'
import { queryRules } from './entries/queries.ts'
import { runtimeRules } from './entries/runtime.ts'
import { securityRules } from './entries/security.ts'
import { structureRules } from './entries/structure.ts'
import type { Rule } from './rule.ts'
import type { SymptomId } from './symptom.ts'

export const rules: readonly Rule[] = [
  ...concurrencyRules,
  ...queryRules,
  ...connectionRules,
  ...messagingRules,
  ...callRules,
  ...cachingRules,
  ...migrationRules,
  ...accessRules,
  ...securityRules,
  ...apiRules,
  ...structureRules,
  ...operationsRules,
  ...runtimeRules,
]

const byId: ReadonlyMap<string, Rule> = new Map(rules.map((rule) => [rule.id, rule]))

export function findRule(id: string): Rule | undefined {
  return byId.get(id)
}

/** What a finding of this detector links to, gravest first. */
export function rulesOfDetector(detector: string): readonly Rule[] {
  return rules.filter(({ detectors }) => detectors.includes(detector)).sort(bySeverity)
}

/** Gravest first. */
export function rulesOfSymptom(symptom: SymptomId): readonly Rule[] {
  return rules.filter(({ symptoms }) => symptoms.includes(symptom)).sort(bySeverity)
}

/** Who is on call reads a handful. */
const CAUSES_MAX = 7

/** What to look at first: faults, not advice, and those that this symptom says most about. */
export function causesOf(symptom: SymptomId): readonly Rule[] {
  return rulesOfSymptom(symptom)
    .filter(({ kind }) => kind === 'anti-pattern')
    .sort((left, right) => bySeverity(left, right) || left.symptoms.length - right.symptoms.length)
    .slice(0, CAUSES_MAX)
}

const ORDER = ['error', 'warning', 'info']

function bySeverity(left: Rule, right: Rule): number {
  return ORDER.indexOf(left.severity) - ORDER.indexOf(right.severity)
}

/** Whether `holdfast review` finds it; undefined of patterns, which are no finding. */
export function inReview({ detectors, unseen }: Rule): string | undefined {
  if (detectors.length > 0) return '`holdfast review` looks for it.'
  return unseen === undefined ? undefined : `\`holdfast review\` does not look for it: ${unseen}`
}
