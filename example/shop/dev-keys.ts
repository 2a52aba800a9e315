/** API keys for development: one for each tenant and role, the same from start to start. */
import type pg from 'pg'
import {
  createApiKey,
  type IssuedKey,
  listApiKeys,
  type Queries,
  rotateApiKey,
} from '../../src/access/api-key/api-key.ts'
import { type Role, roleNames } from './shared/roles.ts'

export interface DevKey {
  readonly tenant: string
  readonly role: Role
  readonly key: string
}

/** A key and who acts with it. */
export interface IssuedDevKey extends DevKey {
  readonly principal: string
}

/**
 * The keys of the tenant that the transaction is in. A text that was written down is used again; one
 * that was lost is replaced by another for the same principal, because orders belong to principals.
 */
export async function devKeys(
  client: pg.Client,
  tenant: string,
  writtenDown: readonly DevKey[],
): Promise<readonly IssuedDevKey[]> {
  const queries = queriesOf(client)
  const present = (await listApiKeys(queries)).filter((key) => key.revokedAt === null)
  const keys: IssuedDevKey[] = []
  for (const role of roleNames) {
    const key = present.find((candidate) => candidate.name === nameOf(role) && !candidate.expiresAt)
    const known = writtenDown.find((one) => one.tenant === tenant && one.role === role)
    if (key !== undefined && known?.key.includes(key.id.slice('key_'.length))) {
      keys.push({ tenant, role, key: known.key, principal: key.principal })
      continue
    }
    const issued = (key && (await replaced(queries, key.id))) ?? (await created(queries, role))
    keys.push({ tenant, role, key: issued.text.reveal(), principal: issued.key.principal })
  }
  return keys
}

function nameOf(role: Role): string {
  return `development ${role}`
}

function created(queries: Queries, role: Role): Promise<IssuedKey> {
  return createApiKey(queries, { name: nameOf(role), environment: 'dev', roles: [role] })
}

function replaced(queries: Queries, id: string): Promise<IssuedKey | undefined> {
  return rotateApiKey(queries, id, { overlapMs: 0 })
}

function queriesOf(client: pg.Client): Queries {
  return { query: async ({ text, values }) => (await client.query(text, [...values])).rows }
}
