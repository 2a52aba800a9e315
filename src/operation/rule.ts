/**
 * Who may. Every operation states a rule; without one the app does not start. A rule looks at the
 * principal alone, because it is asked before the input is parsed; rules about rows are asked again
 * inside `run`, on the loaded row.
 */
import type { Principal } from '../base/principal.ts'

/** What a rule is asked with. */
export interface RuleFacts {
  readonly principal: Principal
}

/** True lets the caller pass. False refuses; a text refuses too, and tells the caller why. */
export interface AllowRule {
  (facts: RuleFacts): boolean | string
  /** For `explain` and the documentation; the rule's source text stands in where it is missing. */
  readonly description?: string
}

/** Whoever holds the permission: `may('orders:write')`. */
export function may(permission: string): AllowRule {
  return described(`may ${permission}`, ({ principal }) =>
    principal.may(permission) ? true : `The permission ${permission} is required.`,
  )
}

/** Whoever has shown a valid credential. */
export const anyPrincipal: AllowRule = described(
  'any authenticated principal',
  ({ principal }) => principal.kind !== 'anonymous',
)

/** Everybody, without a credential too. For a command the app says whose tenant that is: `anonymousTenant`. */
export const anyone: AllowRule = described('anyone', () => true)

function described(description: string, rule: AllowRule): AllowRule {
  return Object.freeze(Object.assign(rule, { description }))
}

/** Undefined where the caller may; else the reason, which may be empty. Default deny. */
export function refusal(rule: AllowRule, facts: RuleFacts): string | undefined {
  const answer = rule(facts)
  if (answer === true) return undefined
  return typeof answer === 'string' ? answer : ''
}

export function describeRule(rule: AllowRule): string {
  return rule.description ?? rule.toString().replaceAll(/\s+/g, ' ')
}
