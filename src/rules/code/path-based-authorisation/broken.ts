export interface Route {
  readonly path: string
  readonly needs?: 'admin'
}

function match(routes: readonly Route[], target: string): Route | undefined {
  const path = decodeURIComponent(target).replace(/\/$/, '').toLowerCase()
  return routes.find((route) => route.path === path)
}

/** The gate reads the raw path, the router another form of it. */
export function serve(routes: readonly Route[], target: string, roles: readonly string[]): number {
  if (target.startsWith('/admin') && !roles.includes('admin')) return 403
  return match(routes, target) === undefined ? 404 : 200
}
