import type { IncomingHttpHeaders } from 'node:http'

/** Cross-origin calls from browsers (Fetch standard §3.2). Off until an origin is allowed. */
export interface Cors {
  readonly enabled: boolean
  /** Headers of a reply to a call from this origin, as a flat list. */
  replyHeaders(origin: string | undefined): readonly string[]
  /** Headers of the answer to a preflight, or undefined where it is none or is not allowed. */
  preflightHeaders(
    headers: IncomingHttpHeaders,
    methods: readonly string[],
  ): readonly string[] | undefined
}

const ALLOWED_HEADERS =
  'authorization, content-type, idempotency-key, if-match, if-none-match, request-timeout, traceparent, tracestate, x-request-id'
const EXPOSED_HEADERS =
  'etag, idempotency-replayed, link, ratelimit, ratelimit-policy, retry-after, x-request-id'
/** Browsers cap it themselves: Chromium at two hours. */
const MAX_AGE_S = '7200'

const none: readonly string[] = []
export const corsOff: Cors = {
  enabled: false,
  replyHeaders: () => none,
  preflightHeaders: () => undefined,
}

/** Credentials travel in Authorization, never in cookies: no allow-credentials is sent. */
export function corsFor(origins: readonly string[]): Cors {
  if (origins.length === 0) return corsOff
  const allowed = new Map(origins.map((origin) => [origin, replyHeadersFor(origin)]))
  const others: readonly string[] = ['vary', 'Origin']
  return {
    enabled: true,
    replyHeaders: (origin) => (origin === undefined ? others : (allowed.get(origin) ?? others)),
    preflightHeaders(headers, methods) {
      const { origin } = headers
      const method = headers['access-control-request-method']
      if (origin === undefined || method === undefined || !methods.includes(method))
        return undefined
      const base = allowed.get(origin)
      return base && [...base, ...preflightFor(methods)]
    },
  }
}

function replyHeadersFor(origin: string): readonly string[] {
  return [
    'access-control-allow-origin',
    origin,
    'vary',
    'Origin',
    'access-control-expose-headers',
    EXPOSED_HEADERS,
  ]
}

function preflightFor(methods: readonly string[]): readonly string[] {
  return [
    'access-control-allow-methods',
    methods.join(', '),
    'access-control-allow-headers',
    ALLOWED_HEADERS,
    'access-control-max-age',
    MAX_AGE_S,
  ]
}
