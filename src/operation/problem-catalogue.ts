/**
 * The problems that Holdfast itself answers with. A code is stable and ends the `type` URI; a
 * declared problem of an operation may carry one of these codes only with the same status.
 */
export interface ProblemEntry {
  readonly status: number
  readonly title: string
  /** What the caller can do about it; stands in the documentation and as the default `detail`. */
  readonly next: string
}

export const problemCatalogue = {
  malformed: {
    status: 400,
    title: 'The request could not be read',
    next: 'Send well-formed JSON in UTF-8, and well-formed query and path values.',
  },
  'idempotency-key-missing': {
    status: 400,
    title: 'Idempotency-Key is missing',
    next: 'Send a fresh unique Idempotency-Key header; send the same one again when you retry.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication is required',
    next: 'Send a valid credential: Authorization: Bearer <API key>.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    next: 'Ask for the permission that the operation needs, or use another credential.',
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    next: 'Check the path and the id. What belongs to another tenant is not found either.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    next: 'Use one of the methods in the Allow header.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request did not arrive in time',
    next: 'Send the whole request without a pause, or in smaller parts.',
  },
  conflict: {
    status: 409,
    title: 'The request conflicts with the present state',
    next: 'Read the present state and decide again.',
  },
  'idempotency-in-progress': {
    status: 409,
    title: 'A request with this Idempotency-Key is still running',
    next: 'Retry with the same key after the time in Retry-After.',
  },
  'reply-not-kept': {
    status: 409,
    title: 'The reply is not kept',
    next: 'The work was done when this Idempotency-Key was used before; its reply held a secret and was sent once. Revoke what it made if you did not receive it, and ask anew with a fresh key.',
  },
  gone: {
    status: 410,
    title: 'No longer available',
    next: 'Do not ask again: it will not come back.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The resource has changed',
    next: 'Read it again, and send the new ETag in If-Match.',
  },
  'payload-too-large': {
    status: 413,
    title: 'The request body is too large',
    next: 'Send less, or split the request.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported media type',
    next: 'Send Content-Type: application/json.',
  },
  'expectation-failed': {
    status: 417,
    title: 'Expectation failed',
    next: 'Send no Expect header, or Expect: 100-continue.',
  },
  validation: {
    status: 422,
    title: 'The request is not valid',
    next: 'Correct the fields that `errors` points to.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'Idempotency-Key was used for another request',
    next: 'Use a fresh key for a new request; retry the old one with its own payload.',
  },
  'precondition-required': {
    status: 428,
    title: 'If-Match is required',
    next: 'Read the resource, and send its ETag in If-Match.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    next: 'Wait for the time in Retry-After.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The request headers are too large',
    next: 'Send fewer or shorter headers.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    next: 'A command has committed nothing; an action may have taken effect outside. Report the request id in `instance`.',
  },
  unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    next: 'Retry with the same Idempotency-Key after the time in Retry-After.',
  },
  'deadline-exceeded': {
    status: 504,
    title: 'The deadline passed',
    next: 'Retry with the same Idempotency-Key, with more time or a smaller request.',
  },
} as const satisfies Record<string, ProblemEntry>

export type BuiltinProblemCode = keyof typeof problemCatalogue
