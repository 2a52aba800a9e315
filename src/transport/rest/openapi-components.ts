/** Headers in and out that many operations share. */

const keySchema = { type: 'string', minLength: 1, maxLength: 257 }
const keyDescription =
  'A fresh unique key for each new request; the same key when the request is sent again. A quoted string (draft-ietf-httpapi-idempotency-key-header) or bare. Kept for 24 hours: the same key answers with the first reply, and with another payload it is refused.'
const matchDescription =
  'The ETag of the version that you have seen. 412 if it is no longer the present one.'

function header(name: string, description: string, schema: object, required = false): object {
  return { name, in: 'header', required, description, schema }
}

const text = { type: 'string' }

export const componentParameters = {
  IdempotencyKey: {
    ...header('Idempotency-Key', keyDescription, keySchema, true),
    example: '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
  },
  OptionalIdempotencyKey: header('Idempotency-Key', keyDescription, keySchema),
  IfMatch: { ...header('If-Match', matchDescription, text, true), example: '"3"' },
  OptionalIfMatch: header('If-Match', matchDescription, text),
  IfNoneMatch: header('If-None-Match', '304 if this is still the ETag.', text),
  RequestId: header(
    'X-Request-Id',
    'Your own id for this request; it comes back, and stands in the logs. One is made where it is missing or not usable.',
    { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$' },
  ),
  RequestTimeout: header(
    'Request-Timeout',
    'How many seconds you will wait for the reply; work that cannot end in time is given up and leaves nothing behind.',
    { type: 'number', exclusiveMinimum: 0 },
  ),
}

export const componentHeaders = {
  ETag: { description: 'The version of this representation.', schema: text },
  IdempotencyReplayed: {
    description: '`true` where this is the stored reply of an earlier request with the same key.',
    schema: { type: 'string', const: 'true' },
  },
  Link: { description: 'The next page, `rel="next"` (RFC 8288).', schema: text },
  RateLimit: {
    description: 'What is left, and the seconds until more: `"default";r=50;t=30`.',
    schema: text,
  },
  RateLimitPolicy: {
    description: 'The limit: `"default";q=60;w=60`, 60 requests in 60 seconds.',
    schema: text,
  },
  RequestId: { description: 'Names this request; quote it when you ask for help.', schema: text },
  RetryAfter: { description: 'Seconds to wait before the next try.', schema: { type: 'integer' } },
}
