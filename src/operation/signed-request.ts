/**
 * Callers without an API key: a service that signs what it sends. A handler says how with
 * `authenticate: signedBy(...)`; the transport hands over headers and raw body before anything is
 * parsed, and what was verified becomes the scope: principal, tenant, and the sender's own id of the
 * message as idempotency key. So a message that comes twice is one command, in one transaction.
 */
import { verifyWebhook, webhookSecret } from '../access/signature/standard-webhooks.ts'
import { assert } from '../base/assert.ts'
import { integerOption, knownOptions } from '../base/bounds.ts'
import { type Principal, principal } from '../base/principal.ts'
import type { Secret } from '../runtime/secret.ts'
import { builtinProblem, type ProblemError } from './problem.ts'
import type { RegisteredOperation } from './registered.ts'

export interface SignedRequest<S = unknown> {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it came. */
  readonly body: Uint8Array
  readonly nowMs: number
  readonly services: S
}

export interface SignedBy {
  readonly principal: Principal
  readonly idempotencyKey: string
}

/** Who has signed, or the reason why nobody has, for the caller. */
export interface AuthenticateRequest<S = unknown> {
  (request: SignedRequest<S>): SignedBy | string
  /** For `explain` and the documentation. */
  readonly description: string
}

/** A secret that a tenant shares with a sender of webhooks. */
export interface WebhookKey {
  /** Whom a message signed with it belongs to. */
  readonly tenant: string
  /** `whsec_...` */
  readonly secret: Secret
}

/** Who signs, with which keys, and what that sender may. */
export interface SignedByOptions<S> {
  /** Stands in the audit: `payment-provider`. */
  readonly principal: string
  /** What the sender may; `allow` of the operation and of those that it calls ask for it. */
  readonly permissions: readonly string[]
  /** Of all tenants; two of one tenant while one replaces the other. */
  keys(services: S): readonly WebhookKey[]
  /** How far the sender's clock and ours may be apart, the way of the request included. */
  readonly toleranceMs?: number
}

const TOLERANCE = {
  min: 1_000,
  max: 3_600_000,
  default: 300_000,
  because: 'a recorded request can be sent again for so long; its id keeps it from acting twice',
} as const

/** Messages signed by Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature). */
export function signedBy<S>(options: SignedByOptions<S>): AuthenticateRequest<S> {
  const where = 'signedBy'
  knownOptions(where, options, ['principal', 'permissions', 'keys', 'toleranceMs'])
  const toleranceMs = integerOption(where, 'toleranceMs', options.toleranceMs, TOLERANCE)
  const verify = ({ services, ...request }: SignedRequest<S>): SignedBy | string => {
    const keys = options.keys(services)
    const secrets = keys.map(({ secret }) => webhookSecret(secret.reveal()))
    const verified = verifyWebhook({ ...request, toleranceMs }, secrets)
    if (!verified.ok) return verified.reason
    const { tenant } = keys[verified.secretIndex] as WebhookKey
    const { principal: id, permissions } = options
    const who = principal({ id, kind: 'signature', tenant, roles: [], permissions })
    return { principal: who, idempotencyKey: verified.id }
  }
  const description = `signed by ${options.principal} (Standard Webhooks)`
  return Object.freeze(Object.assign(verify, { description }))
}

/** For the transport: who has signed a request of this operation, or 401. */
export function verifySigned(
  operation: RegisteredOperation,
  request: SignedRequest,
): SignedBy | ProblemError {
  const { authenticate, name } = operation
  assert(authenticate !== undefined, `Bug: ${name} has no callers that sign`)
  const found = authenticate(request)
  if (typeof found !== 'string') return found
  const headers = { 'www-authenticate': 'Standard-Webhooks' }
  return builtinProblem('unauthenticated', {
    detail: `The signature is not valid: ${found}.`,
    headers,
  })
}
