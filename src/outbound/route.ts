/** `POST /v1/payments/{id}/capture`: the text that stands in metrics and errors, and its URL. */
import { optionError, shown } from '../base/bounds.ts'

export type OutboundMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
/** Method and path, parameters in braces: `POST /v1/payments/{id}/capture`. */
export type OutboundRoute = `${OutboundMethod} /${string}`

export type Params = Readonly<Record<string, string | number>>

export interface Target {
  readonly method: OutboundMethod
  readonly url: URL
}

const ROUTE = /^(GET|HEAD|POST|PUT|PATCH|DELETE) (\/[A-Za-z0-9._~{}/-]*)$/
const PARAMETER = /\{([a-zA-Z][a-zA-Z0-9_]*)\}/g
const IDEMPOTENT: readonly OutboundMethod[] = ['GET', 'HEAD', 'PUT', 'DELETE']

/** RFC 9110 §9.2.2. */
export function isIdempotent(method: OutboundMethod): boolean {
  return IDEMPOTENT.includes(method)
}

/** Values are encoded, so that none of them can leave its segment or add one. */
export function resolveRoute(
  base: URL,
  route: OutboundRoute,
  params: Params = {},
  query: Params = {},
): Target {
  const [, method, template] = ROUTE.exec(route) ?? []
  if (template === undefined || /\/\/|\/\.{1,2}(?:\/|$)/.test(template)) {
    throw optionError('outbound', 'route', `is ${shown(route)} and must be like "POST /v1/a/{id}"`)
  }
  const path = template.replaceAll(PARAMETER, (_, name: string) => segment(route, name, params))
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/$/, '')}${path}`
  for (const [name, value] of Object.entries(query)) url.searchParams.append(name, String(value))
  return { method: method as OutboundMethod, url }
}

function segment(route: string, name: string, params: Params): string {
  const value = Object.hasOwn(params, name) ? String(params[name]) : ''
  // A URL takes these as steps up, encoded or not.
  if (value === '' || value === '.' || value === '..') {
    throw optionError('outbound', `parameter ${name} of ${route}`, `is ${shown(value)}`)
  }
  return encodeURIComponent(value)
}
