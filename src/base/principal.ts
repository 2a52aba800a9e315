/** Who asks. Made by authentication only: never from a body, a query or a path. */
export interface Principal {
  /** Stable id: `key_…` for an API key, `system` for the loops, a name for who signs its requests. */
  readonly id: string
  readonly kind: 'api-key' | 'signature' | 'system' | 'anonymous'
  readonly tenant: string
  readonly roles: readonly string[]
  /** Permissions granted: `orders:write`; `orders:*` and `*` are wildcards. */
  readonly permissions: readonly string[]
  may(permission: string): boolean
}

export function principal(facts: Omit<Principal, 'may'>): Principal {
  const granted = new Set(facts.permissions)
  return Object.freeze({
    ...facts,
    may(permission: string) {
      if (granted.has(permission) || granted.has('*')) return true
      const colon = permission.indexOf(':')
      return colon > 0 && granted.has(`${permission.slice(0, colon)}:*`)
    },
  })
}

/** The loops act for a tenant under this identity; the audit shows it. */
export function systemPrincipal(tenant: string, id = 'system'): Principal {
  return principal({ id, kind: 'system', tenant, roles: ['system'], permissions: ['*'] })
}

/** Who has shown no credential. Only operations that allow it let it pass. */
export function anonymousPrincipal(tenant: string): Principal {
  return principal({ id: 'anonymous', kind: 'anonymous', tenant, roles: [], permissions: [] })
}
