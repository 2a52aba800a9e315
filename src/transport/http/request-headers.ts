/** The request headers that Holdfast itself reads, each by its grammar and nothing looser. */
import { builtinProblem, ProblemError } from '../../operation/problem.ts'

const IDEMPOTENCY_KEY_LENGTH_MAX = 255

const BARE_KEY = /^[\x21\x23-\x7e][\x21-\x7e]{0,254}$/
const PLAIN_QUOTED_KEY = /^"[\x21\x23-\x5b\x5d-\x7e]{1,255}"$/
/** RFC 8941 §3.3.3 sf-string, here without space: `"` and `\` are escaped. */
const QUOTED_KEY = /^"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"$/

/**
 * draft-ietf-httpapi-idempotency-key-header-07: a structured-field string, `"8e03978e"`; the bare
 * form of older clients is accepted and means the same key. A header sent twice reaches us joined
 * by comma and space, which neither form allows.
 */
export function idempotencyKey(header: string): string | ProblemError {
  if (PLAIN_QUOTED_KEY.test(header)) return header.slice(1, -1)
  if (BARE_KEY.test(header)) return header
  const key = QUOTED_KEY.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, '$1')
  if (key !== undefined && key.length <= IDEMPOTENCY_KEY_LENGTH_MAX) return key
  return malformed(
    'Idempotency-Key must be sent once, as 1 to 255 visible ASCII characters, in double quotes or bare.',
  )
}

const TIMEOUT = /^(\d{1,7})(?:\.(\d{1,3}))?$/

/**
 * Request-Timeout: how long the caller waits, in seconds (draft-thomson-hybi-http-timeout-00 §3.1);
 * up to three decimals are accepted too. More than the maximum is the maximum.
 */
export function requestTimeoutMs(header: string, timeoutMaxMs: number): number | ProblemError {
  const match = TIMEOUT.exec(header)
  const seconds = match === null ? 0 : Number(header)
  if (seconds > 0) return Math.min(Math.round(seconds * 1000), timeoutMaxMs)
  return malformed('Request-Timeout must be a number of seconds above zero, such as 5 or 2.5.')
}

const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** A caller's own request id is taken over only where it can stand in a log line unescaped. */
export function acceptedRequestId(header: string | undefined): string | undefined {
  return header !== undefined && REQUEST_ID.test(header) ? header : undefined
}

/** RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/** The credential text, undefined where none was sent, or 401. */
export function bearerCredential(header: string | undefined): string | undefined | ProblemError {
  if (header === undefined) return undefined
  const token = BEARER.exec(header)?.[1]
  if (token !== undefined) return token
  return builtinProblem('unauthenticated', {
    detail: 'Authorization must be sent once, as: Bearer <API key>.',
    headers: { 'www-authenticate': 'Bearer error="invalid_request"' },
  })
}

/** application/json, with charset=utf-8 at most; a tab or anything after it is refused. */
const JSON_TYPE = /^application\/json *(?:; *charset=(?:utf-8|"utf-8") *)?$/i

export function isJsonType(header: string | undefined): boolean {
  return header !== undefined && (header === 'application/json' || JSON_TYPE.test(header))
}

export function isProblem(value: unknown): value is ProblemError {
  return value instanceof ProblemError
}

function malformed(detail: string): ProblemError {
  return builtinProblem('malformed', { detail })
}
