/**
 * The headers of draft-ietf-httpapi-ratelimit-headers (10 and 11): structured-field lists
 * (RFC 9651), one member per policy. Names of policies need no escapes: see policy.ts.
 */
import type { Decision } from './account.ts'

/** `"burst";q=100;w=60`: quota, and the seconds it is for. */
export function rateLimitPolicyHeader(decisions: readonly Decision[]): string {
  return decisions
    .map(({ policyName, quota, windowS }) => `"${policyName}";q=${quota};w=${windowS}`)
    .join(', ')
}

/** `"burst";r=50;t=30`: what remains, and the seconds until more does. */
export function rateLimitHeader(decisions: readonly Decision[]): string {
  return decisions
    .map(({ policyName, remaining, resetS }) => `"${policyName}";r=${remaining};t=${resetS}`)
    .join(', ')
}

/** Both headers, and Retry-After (RFC 9110 §10.2.3, in seconds) where a decision refuses. */
export function rateLimitHeaders(decisions: readonly Decision[]): Record<string, string> {
  if (decisions.length === 0) return {}
  const headers: Record<string, string> = {
    'ratelimit-policy': rateLimitPolicyHeader(decisions),
    ratelimit: rateLimitHeader(decisions),
  }
  const retryAfterS = Math.max(...decisions.map((decision) => decision.retryAfterS))
  if (retryAfterS > 0) headers['retry-after'] = `${retryAfterS}`
  return headers
}
