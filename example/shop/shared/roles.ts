/**
 * The three roles and what each may. `…-any` reaches beyond one's own orders, to all of the tenant.
 */
export const roles = {
  customer: ['products:read', 'orders:read', 'orders:write', 'orders:cancel'],
  merchant: [
    'products:read',
    'products:write',
    'orders:read',
    'orders:read-any',
    'orders:cancel',
    'orders:cancel-any',
    'reports:read',
    'audit:read',
  ],
  support: [
    'products:read',
    'orders:read',
    'orders:read-any',
    'orders:cancel',
    'orders:cancel-any',
    'audit:read',
  ],
} as const satisfies Record<string, readonly string[]>

export type Role = keyof typeof roles
export const roleNames = Object.keys(roles) as readonly Role[]

export const tenants = ['acme', 'globex'] as const
export type Tenant = (typeof tenants)[number]
