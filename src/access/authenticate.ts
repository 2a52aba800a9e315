/**
 * From the text of a credential to a principal.
 *
 * A text is first sought in the cache, then read (shape and checksum: no lookup for a typo), then
 * looked up; the same text asked for twice at once is one lookup. The cache knows a text by its
 * SHA-256 alone. An unknown id goes the way of a wrong secret: one lookup, one comparison, the same
 * answer; nor does the answer tell either of them from a revoked or an expired key.
 *
 * A cached key may have been revoked meanwhile: the first batch of every transaction asks again
 * (check.ts) and refuses it there (HF002); then `forget` drops it here. What needs no transaction is
 * refused after POSITIVE_TTL_MS at the latest.
 */
import { hash } from 'node:crypto'
import { optionError, shown } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import { equalBytes } from '../base/digest.ts'
import { type Principal, principal } from '../base/principal.ts'
import type { Pool } from '../database/pool.ts'
import type { Log } from '../runtime/log.ts'
import type { LoopSignals, Runnable } from '../runtime/loop.ts'
import type { Credential } from '../runtime/scope.ts'
import { BoundedCache } from './api-key/bounded-cache.ts'
import { type FoundKey, KeyLookup } from './api-key/key-lookup.ts'
import {
  apiKeyId,
  environmentPattern,
  KEY_LENGTH_MAX,
  type KeyText,
  parseKeyText,
} from './api-key/key-text.ts'
import { UseRecorder } from './api-key/use-recorder.ts'
import { permissionsOf, type RoleTable } from './role-table.ts'

export interface Authenticated {
  readonly ok: true
  readonly principal: Principal
  readonly credential: Credential
}

/**
 * `missing`: none was shown. `malformed`: no key, or one copied wrongly. `environment`: a key of
 * another environment. `refused`: unknown, wrong, revoked or expired, and which is not told.
 */
export type RefusalReason = 'missing' | 'malformed' | 'environment' | 'refused'

export interface Refusal {
  readonly ok: false
  readonly reason: RefusalReason
  /** For the caller. Holds nothing of what was shown. */
  readonly detail: string
  /** The value of WWW-Authenticate (RFC 6750 §3). */
  readonly challenge: string
}

export type Authentication = Authenticated | Refusal

export interface AuthenticatorOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  /** Refuse keys of other environments. Default: any. */
  readonly environment?: string
  /** What the roles that keys carry stand for. */
  readonly roles?: RoleTable
  readonly signals?: LoopSignals
}

export interface Authenticator {
  /**
   * `text` without the scheme: `bearerText(headers.authorization)`. Rejects with HF_POOL_EXHAUSTED,
   * HF_DATABASE_UNAVAILABLE or an error of the database where it could not be asked.
   */
  authenticate(text: string | undefined): Authentication | Promise<Authentication>
  /** The prelude has refused it: do not answer from the cache. */
  forget(credential: Credential): void
  /** Writes down when keys were used. */
  readonly loop: Runnable
  metrics(): AuthenticatorMetrics
}

export interface AuthenticatorMetrics {
  readonly keysCached: number
  readonly refusalsCached: number
  readonly hits: number
  readonly lookups: number
  readonly refusals: Readonly<Record<RefusalReason, number>>
}

/** How long a revoked key may still be used for what opens no transaction. */
const POSITIVE_TTL_MS = 30_000
/** Shorter: the only keys that become good later are those shown before their commit. */
const NEGATIVE_TTL_MS = 10_000
/** About 1 kB each. A process that serves more keys at once looks the rest up again. */
const KEYS_CACHED_MAX = 10_000
const REFUSALS_CACHED_MAX = 10_000
/** What an unknown id is compared with, so that it takes the time of a wrong secret. */
const NO_HASH = Buffer.alloc(32)

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { environment } = options
  if (environment !== undefined && !environmentPattern.test(environment)) {
    const complaint = `is ${shown(environment)} and must be like "live" or "dev"`
    throw optionError('createAuthenticator', 'environment', complaint)
  }
  return new KeyAuthenticator(options)
}

class KeyAuthenticator implements Authenticator {
  readonly #clock: Clock
  readonly #log: Log
  readonly #environment: string | undefined
  readonly #roles: RoleTable
  readonly #good = new BoundedCache<Authenticated>(KEYS_CACHED_MAX)
  readonly #bad = new BoundedCache<Refusal>(REFUSALS_CACHED_MAX)
  readonly #underWay = new Map<string, Promise<Authentication>>()
  readonly #lookup: KeyLookup
  readonly #uses: UseRecorder
  readonly #counters = { hits: 0, lookups: 0 }
  readonly #refusals = { missing: 0, malformed: 0, environment: 0, refused: 0 }

  constructor(options: AuthenticatorOptions) {
    this.#clock = options.clock
    this.#log = options.log
    this.#environment = options.environment
    this.#roles = options.roles ?? {}
    this.#lookup = new KeyLookup(options.pool)
    this.#uses = new UseRecorder(options)
  }

  get loop(): Runnable {
    return this.#uses.loop
  }

  authenticate(text: string | undefined): Authentication | Promise<Authentication> {
    if (text === undefined) return this.#count(refusals.missing)
    if (text.length > KEY_LENGTH_MAX) return this.#count(refusals.malformed)
    const digest = hash('sha256', text, 'base64url')
    return this.#fromCache(digest) ?? this.#read(text, digest)
  }

  #fromCache(digest: string): Authentication | undefined {
    const nowMs = this.#clock.monotonicMs()
    const good = this.#good.get(digest, nowMs)
    if (good !== undefined) {
      this.#counters.hits++
      this.#uses.note(good.credential.id, nowMs)
      return good
    }
    const bad = this.#bad.get(digest, nowMs)
    return bad && this.#count(bad)
  }

  #read(text: string, digest: string): Authentication | Promise<Authentication> {
    const key = parseKeyText(text)
    if (key === undefined) return this.#count(refusals.malformed)
    if (this.#environment !== undefined && key.environment !== this.#environment) {
      return this.#count(refusals.environment)
    }
    return this.#verifyOnce(digest, key)
  }

  #verifyOnce(digest: string, key: KeyText): Promise<Authentication> {
    const underWay = this.#underWay.get(digest)
    if (underWay !== undefined) return underWay
    const started = this.#verify(digest, key).finally(() => this.#underWay.delete(digest))
    this.#underWay.set(digest, started)
    return started
  }

  async #verify(digest: string, key: KeyText): Promise<Authentication> {
    this.#counters.lookups++
    const row = await this.#lookup.find(key.id)
    const equal = equalBytes(row?.hash ?? NO_HASH, Buffer.from(digest, 'base64url'))
    if (row === undefined || !equal) return this.#refuse(digest)
    if (row.revoked || (row.expires_in_ms ?? 1) <= 0) {
      const facts = { credentialId: apiKeyId.encode(row.id), revoked: row.revoked }
      this.#log.info(facts, 'An API key that has ended was shown.')
      return this.#refuse(digest)
    }
    return this.#accept(digest, row)
  }

  #accept(digest: string, row: FoundKey): Authenticated {
    const found: Authenticated = Object.freeze({
      ok: true,
      principal: this.#principalOf(row),
      credential: Object.freeze({ kind: 'api-key', id: row.id }),
    })
    const ttlMs = Math.min(POSITIVE_TTL_MS, row.expires_in_ms ?? POSITIVE_TTL_MS)
    const nowMs = this.#clock.monotonicMs()
    this.#good.set(digest, found, nowMs + ttlMs)
    this.#uses.note(row.id, nowMs)
    return found
  }

  #principalOf(row: FoundKey): Principal {
    return principal({
      id: apiKeyId.encode(row.principal),
      kind: 'api-key',
      tenant: row.tenant,
      roles: Object.freeze([...row.roles]),
      permissions: Object.freeze(permissionsOf(row, this.#roles)),
    })
  }

  #refuse(digest: string): Refusal {
    this.#bad.set(digest, refusals.refused, this.#clock.monotonicMs() + NEGATIVE_TTL_MS)
    return this.#count(refusals.refused)
  }

  #count(refusal: Refusal): Refusal {
    this.#refusals[refusal.reason]++
    return refusal
  }

  forget(credential: Credential): void {
    this.#good.deleteWhere((entry) => entry.credential.id === credential.id)
  }

  metrics(): AuthenticatorMetrics {
    return {
      keysCached: this.#good.size,
      refusalsCached: this.#bad.size,
      ...this.#counters,
      refusals: { ...this.#refusals },
    }
  }
}

function refusal(reason: RefusalReason, detail: string): Refusal {
  // RFC 6750 §3.1: no error code where no credential was shown.
  const challenge = reason === 'missing' ? 'Bearer' : 'Bearer error="invalid_token"'
  return Object.freeze({ ok: false, reason, detail, challenge })
}

const refusals: Readonly<Record<RefusalReason, Refusal>> = {
  missing: refusal('missing', 'Send an API key: Authorization: Bearer <key>.'),
  malformed: refusal(
    'malformed',
    'The credential is no API key, or was not copied whole: its checksum does not fit.',
  ),
  environment: refusal('environment', 'The API key belongs to another environment.'),
  refused: refusal('refused', 'The API key is not valid: unknown, revoked or expired.'),
}

const BEARER = /^bearer +(\S+) *$/i
/** No key of ours is longer; the rest of a longer header is not even looked at. */
const HEADER_LENGTH_MAX = 200

/**
 * The text of a bearer credential. Undefined where the header is missing; empty, and so refused as
 * malformed, where it holds something else.
 */
export function bearerText(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  if (authorization.length > HEADER_LENGTH_MAX) return ''
  return BEARER.exec(authorization)?.[1] ?? ''
}
