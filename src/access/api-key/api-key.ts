/**
 * API keys: made, listed, rotated and revoked inside a transaction of their tenant. Who may, and
 * which permissions one may hand on, is the rule of the operation that calls these.
 *
 * States of a key: good -> expired | revoked. Both ends are final.
 */
import { integerOption, knownOptions, optionError, shown } from '../../base/bounds.ts'
import { sha256 } from '../../base/digest.ts'
import { uuidv7 } from '../../base/id.ts'
import type { Sql } from '../../database/sql.ts'
import type { Transaction } from '../../database/transaction.ts'
import { Secret } from '../../runtime/secret.ts'
import { apiKeyId, createKeyText, environmentPattern } from './key-text.ts'
import { insertKey, type KeyRow, revokeKey, rotateKey, selectKey, selectKeys } from './store.ts'

/** What a handler's `tx` offers; `queriesOf` makes it from a bare transaction. */
export interface Queries {
  query<R>(statement: Sql<R>): Promise<readonly R[]>
}

export function queriesOf(tx: Transaction): Queries {
  return { query: async <R>(statement: Sql<R>) => (await tx.query<R>(statement)).rows }
}

/** An API key as it is shown: everything but its text. */
export interface ApiKey {
  /** `key_…`; its digits stand in the key's text. */
  readonly id: string
  /** `key_…`: who acts with this key. A rotated key keeps it. */
  readonly principal: string
  readonly environment: string
  readonly name: string
  readonly roles: readonly string[]
  readonly permissions: readonly string[]
  /** All times RFC 3339, UTC. */
  readonly createdAt: string
  readonly createdBy: string | null
  readonly expiresAt: string | null
  readonly revokedAt: string | null
  /** To the minute, and up to a minute late. */
  readonly lastUsedAt: string | null
}

/** The only moment at which the text of a key exists on our side. It is stored nowhere. */
export interface IssuedKey {
  readonly key: ApiKey
  readonly text: Secret
}

export interface ApiKeyOptions {
  /** For people: what the key is for. */
  readonly name: string
  /** A lower-case word such as `live` or `dev`; stands in the text, so that keys are not mixed up. */
  readonly environment: string
  readonly roles?: readonly string[]
  readonly permissions?: readonly string[]
  /** RFC 3339. Default: never. */
  readonly expiresAt?: string
}

const NAME_LENGTH_MAX = 100
/** Each is looked at when a principal is made. */
const GRANTS_MAX = 100

/** A new key for the tenant of the transaction, and a new principal that acts with it. */
export async function createApiKey(tx: Queries, options: ApiKeyOptions): Promise<IssuedKey> {
  checkOptions(options)
  const id = uuidv7()
  const text = createKeyText(options.environment, id)
  const rows = await tx.query(
    insertKey({
      id,
      principal: id,
      environment: options.environment,
      name: options.name,
      hash: sha256(text),
      roles: options.roles ?? [],
      permissions: options.permissions ?? [],
      expiresAt: options.expiresAt ?? null,
    }),
  )
  return { key: toApiKey(rows[0] as KeyRow), text: new Secret(text) }
}

export interface RotateOptions {
  /** How long the old key stays good, so that its holders can change over. 0 ends it at once. */
  readonly overlapMs?: number
}

const OVERLAP_MS = {
  min: 0,
  max: 30 * 86_400_000,
  default: 86_400_000,
  because: 'a day is enough for a deployment; a key that was leaked is revoked, not rotated',
}

/**
 * A new key for the same principal: same tenant, name, roles, permissions and length of life.
 * Undefined where the key is unknown to the tenant, revoked or expired.
 */
export async function rotateApiKey(
  tx: Queries,
  id: string,
  options: RotateOptions = {},
): Promise<IssuedKey | undefined> {
  const overlapMs = integerOption('rotateApiKey', 'overlapMs', options.overlapMs, OVERLAP_MS)
  const old = await findRow(tx, id)
  if (old === undefined) return undefined
  const heir = uuidv7()
  const text = createKeyText(old.environment, heir)
  const rows = await tx.query(rotateKey(old.id, { id: heir, hash: sha256(text) }, overlapMs))
  return rows[0] && { key: toApiKey(rows[0]), text: new Secret(text) }
}

async function findRow(tx: Queries, id: string): Promise<KeyRow | undefined> {
  const uuid = apiKeyId.decode(id)
  return uuid === undefined ? undefined : (await tx.query(selectKey(uuid)))[0]
}

/**
 * Ends a key at once: every transaction that opens after the commit of this one is refused.
 * Undefined where the tenant has no such key; a second revocation changes nothing.
 */
export async function revokeApiKey(tx: Queries, id: string): Promise<ApiKey | undefined> {
  const uuid = apiKeyId.decode(id)
  if (uuid === undefined) return undefined
  const [row] = await tx.query(revokeKey(uuid))
  return row && toApiKey(row)
}

export interface ListOptions {
  readonly limit?: number
  /** The last id of the page before. */
  readonly before?: string
}

const LIMIT = { min: 1, max: 100, default: 50, because: 'a page fits a screen and a reply' }

/** The keys of the tenant, newest first, ended ones included. */
export async function listApiKeys(tx: Queries, options: ListOptions = {}): Promise<ApiKey[]> {
  const limit = integerOption('listApiKeys', 'limit', options.limit, LIMIT)
  const before = options.before === undefined ? null : apiKeyId.decode(options.before)
  if (before === undefined) throw optionError('listApiKeys', 'before', 'is no id of an API key')
  return (await tx.query(selectKeys(limit, before))).map(toApiKey)
}

function toApiKey(row: KeyRow): ApiKey {
  return {
    id: apiKeyId.encode(row.id),
    principal: apiKeyId.encode(row.principal),
    environment: row.environment,
    name: row.name,
    roles: row.roles,
    permissions: row.permissions,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
}

function checkOptions(options: ApiKeyOptions): void {
  const where = 'createApiKey'
  knownOptions(where, options, ['name', 'environment', 'roles', 'permissions', 'expiresAt'])
  if (options.name === '' || options.name.length > NAME_LENGTH_MAX) {
    throw optionError(where, 'name', `must have 1 to ${NAME_LENGTH_MAX} characters`)
  }
  if (!environmentPattern.test(options.environment)) {
    const complaint = `is ${shown(options.environment)} and must be like "live" or "dev"`
    throw optionError(where, 'environment', complaint)
  }
  for (const field of ['roles', 'permissions'] as const) {
    const grants = options[field] ?? []
    if (grants.length > GRANTS_MAX || grants.some((grant) => grant === '')) {
      throw optionError(where, field, `must be at most ${GRANTS_MAX} words, none empty`)
    }
  }
}
