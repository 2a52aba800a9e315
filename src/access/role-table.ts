/** What the roles of an app stand for: `{ merchant: ['orders:*', 'products:write'] }`. */
export type RoleTable = Readonly<Record<string, readonly string[]>>

/**
 * The permissions of somebody: its own and those of its roles. A role that the app does not declare
 * gives nothing. Read when a principal is made, so that a changed table holds for old keys too.
 */
export function permissionsOf(
  grants: { readonly roles: readonly string[]; readonly permissions: readonly string[] },
  table: RoleTable,
): string[] {
  const ofRoles = grants.roles.flatMap((role) => (Object.hasOwn(table, role) ? table[role] : []))
  return [...new Set([...grants.permissions, ...ofRoles.filter((one) => one !== undefined)])]
}
