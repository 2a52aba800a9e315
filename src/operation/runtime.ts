/** What operations run on: handed in by the app, one for each process. */
import type { Clock } from '../base/clock.ts'
import type { Guard } from '../database/guard.ts'
import type { Pool } from '../database/pool.ts'
import type { Log } from '../runtime/log.ts'
import type { Credential } from '../runtime/scope.ts'
import type { Limit } from './limit.ts'
import type { Registry } from './registered.ts'

export interface OperationRuntime {
  readonly pool: Pool
  readonly registry: Registry
  readonly services: Readonly<Record<string, unknown>>
  readonly clock: Clock
  readonly log: Log
  readonly guard: Guard
  readonly limiter: OperationLimiter
  readonly idempotency: IdempotencySettings
  /** Called when the database has refused the caller's credential: nobody may answer it from a cache. */
  readonly credentialRefused: (credential: Credential) => void
  /** Called after a commit that left events or jobs behind, so that local loops need not poll. */
  readonly wake: (what: { readonly events: boolean; readonly jobs: boolean }) => void
  /** Keep the stacks that HF_SCOPE_CLOSED shows; development and test. */
  readonly stacks: boolean
}

export interface IdempotencySettings {
  readonly retentionMs: number
  readonly waitMs: number
}

/** Headers for every reply of a limited operation, and whether this request may pass. */
export interface LimitDecision {
  readonly allowed: boolean
  readonly retryAfterMs: number
  readonly headers: Readonly<Record<string, string>>
}

export interface OperationLimiter {
  check(operation: string, limit: Limit, subject: string): LimitDecision | Promise<LimitDecision>
}
