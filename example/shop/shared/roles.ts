/**
 * The three roles and what each may. `…-any` reaches beyond one's own orders, to all of the tenant.
 */
export const roles = {
  customer: [
    'products:read',
    'orders:read',
    'orders:write',
    'orders:cancel',
    'orders:pay',
    'shipping:read',
  ],
  merchant: [
    'products:read',
    'products:write',
    'orders:read',
    'orders:read-any',
    'orders:cancel',
    'orders:cancel-any',
    'orders:release',
    'fraud:read',
    'fraud:write',
    'shipping:read',
    'shipping:read-any',
    'shipping:write',
    'reports:read',
    'reports:write',
    'audit:read',
  ],
  support: [
    'products:read',
    'orders:read',
    'orders:read-any',
    'orders:cancel',
    'orders:cancel-any',
    'orders:release',
    'fraud:read',
    'fraud:write',
    'shipping:read',
    'shipping:read-any',
    'audit:read',
  ],
} as const satisfies Record<string, readonly string[]>

export type Role = keyof typeof roles
export const roleNames = Object.keys(roles) as readonly Role[]

export const tenants = ['acme', 'globex'] as const
export type Tenant = (typeof tenants)[number]
