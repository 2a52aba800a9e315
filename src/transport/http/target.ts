/**
 * The request target (RFC 9112 §3.2), read once, before anything routes on it: what two components
 * read differently is where access checks have been passed by. A path matches a route character by
 * character or not at all: no case folding, no slash folding, no decoding of static segments.
 */

export type TargetVerdict = 'ok' | 'malformed' | 'not-found'

/** RFC 3986 §3.3: pchar and slash. */
const PATH = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/
/** Browsers send a few more characters unencoded in a query than RFC 3986 allows; never a fragment. */
const QUERY = /^[\x21\x22\x24-\x7e]*$/
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i
/** An encoded slash, backslash or NUL: proxies disagree on what they mean. */
const AMBIGUOUS = /%(?:2f|5c|00)/i

/** RFC 3986 §6.2.2.3: clients resolve these before they send. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i
/** Where a router and a proxy may see different paths. */
const SUSPICIOUS = /%|\/\/|\/$/

/** Whether the router's match is to be held against the path as it was sent. */
export function isSuspicious(path: string): boolean {
  return SUSPICIOUS.test(path)
}

/** Turns the absolute form, which a server must accept, into the origin form. */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === SLASH) return target
  const rest = target.replace(ABSOLUTE_FORM, '')
  if (rest === target) return target
  return rest.startsWith('/') ? rest : `/${rest}`
}

export function judgeTarget(target: string): TargetVerdict {
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  if (!PATH.test(path)) return 'malformed'
  if (question >= 0 && !QUERY.test(target.slice(question + 1))) return 'malformed'
  if (DOT_SEGMENT.test(path)) return 'not-found'
  if (!path.includes('%')) return 'ok'
  if (AMBIGUOUS.test(path)) return 'not-found'
  return isDecodable(path) ? 'ok' : 'malformed'
}

export function pathOf(target: string): string {
  const question = target.indexOf('?')
  return question < 0 ? target : target.slice(0, question)
}

export function queryOf(target: string): string {
  const question = target.indexOf('?')
  return question < 0 ? '' : target.slice(question + 1)
}

/** A route's path, read once: literal segments, and the names of parameters where they stand. */
export class PathPattern {
  readonly #literals: readonly (string | undefined)[]
  readonly #names: readonly (string | undefined)[]
  readonly #path: string | undefined

  /** `/v1/orders/{id}` */
  constructor(pattern: string) {
    const segments = pattern.split('/')
    const names = segments.map((segment) => PARAMETER.exec(segment)?.[1])
    this.#names = names
    this.#literals = segments.map((segment, index) => (names[index] ? undefined : segment))
    this.#path = names.some(Boolean) ? undefined : pattern
  }

  /**
   * The decoded parameters, or undefined where the path does not match to the letter. The router
   * decodes before it compares, so that its match alone would let `/%61dmin` pass for `/admin`.
   */
  match(path: string): Readonly<Record<string, string>> | undefined {
    if (this.#path !== undefined) return path === this.#path ? noParameters : undefined
    const segments = path.split('/')
    if (segments.length !== this.#literals.length) return undefined
    const parameters: Record<string, string> = {}
    for (const [index, segment] of segments.entries()) {
      const name = this.#names[index]
      if (name === undefined) {
        if (segment !== this.#literals[index]) return undefined
        continue
      }
      const value = segment.includes('%') ? decodeURIComponent(segment) : segment
      if (value === '') return undefined
      parameters[name] = value
    }
    return parameters
  }
}

/** `/v1/orders/{id}` in the router's syntax: `/v1/orders/:id`. */
export function routerPath(pattern: string): string {
  return pattern.replaceAll(/\{([^}]*)\}/g, ':$1')
}

const PARAMETER = /^\{([^}]+)\}$/
const noParameters: Readonly<Record<string, string>> = Object.freeze({})
const SLASH = 47

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
