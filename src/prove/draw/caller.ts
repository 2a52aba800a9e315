/**
 * A caller that the rule of an operation lets pass: with every permission, or, where a rule looks at
 * roles, with those that it asks for.
 */
import { type Principal, principal } from '../../base/principal.ts'
import { type AllowRule, refusal } from '../../operation/rule.ts'

export interface Caller {
  readonly principal: string
  readonly roles?: readonly string[]
  readonly permissions?: readonly string[]
}

/** Undefined where no caller was found; then the rule's own answer says why. */
export function callerFor(allow: AllowRule, tenant: string, id: string): Caller | undefined {
  const plain: Caller = { principal: id }
  if (passes(allow, tenant, plain)) return plain
  const asked = askedBy(allow, tenant, id)
  const withRoles = { ...plain, roles: asked.roles }
  if (passes(allow, tenant, withRoles)) return withRoles
  const exact = { ...withRoles, permissions: asked.permissions }
  return passes(allow, tenant, exact) ? exact : undefined
}

function facts(tenant: string, { principal: id, roles, permissions }: Caller) {
  const kind = 'api-key' as const
  return { id, kind, tenant, roles: roles ?? [], permissions: permissions ?? ['*'] }
}

function passes(allow: AllowRule, tenant: string, caller: Caller): boolean {
  return isAllowed(allow, principal(facts(tenant, caller)))
}

function isAllowed(allow: AllowRule, who: Principal): boolean {
  try {
    return refusal(allow, { principal: who }) === undefined
  } catch {
    // A rule that throws lets nobody pass.
    return false
  }
}

/** What a rule wants to know of somebody who has everything. */
function askedBy(allow: AllowRule, tenant: string, id: string) {
  const [roles, permissions] = [new Set<string>(), new Set<string>()]
  const everyRole = new Proxy([] as string[], {
    get: (list, name) =>
      name === 'includes'
        ? (role: string) => roles.add(role).size > 0
        : Reflect.get(list, name, list),
  })
  const may = (permission: string) => permissions.add(permission).size > 0
  isAllowed(allow, { ...facts(tenant, { principal: id }), roles: everyRole, may })
  return { roles: [...roles], permissions: [...permissions] }
}
