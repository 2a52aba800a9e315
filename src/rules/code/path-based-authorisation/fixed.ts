export interface Route {
  readonly path: string
  readonly needs?: 'admin'
}

function match(routes: readonly Route[], target: string): Route | undefined {
  const path = decodeURIComponent(target).replace(/\/$/, '').toLowerCase()
  return routes.find((route) => route.path === path)
}

/** Whatever the path looked like, the route that was found says what it needs. */
export function serve(routes: readonly Route[], target: string, roles: readonly string[]): number {
  const route = match(routes, target)
  if (route === undefined) return 404
  if (route.needs !== undefined && !roles.includes(route.needs)) return 403
  return 200
}
