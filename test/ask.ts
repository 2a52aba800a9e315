/** Requests to a running app, with the reply as bytes and as JSON. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** As it came. */
  readonly text: string
}

export interface AskOptions {
  readonly apiKey: string
  readonly body?: unknown
  readonly idempotencyKey?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal
}

/** `ask(url, 'POST /v1/orders', { apiKey, body })`. */
export async function ask(api: string, what: string, options: AskOptions): Promise<Reply> {
  const { apiKey, body, idempotencyKey, headers, signal } = options
  const [method = '', path = ''] = what.split(' ')
  const response = await fetch(api + path, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

export function json<Body = Record<string, unknown>>(reply: Reply): Body {
  return JSON.parse(reply.text) as Body
}

/** `201`, or `409 insufficient-stock`. */
export function outcome(reply: Reply): string {
  const { status } = reply
  return status < 400 ? String(status) : `${status} ${json(reply).code}`
}
