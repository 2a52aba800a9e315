/** A caller of an app under test: an API key of a tenant, and requests over real HTTP. */
import { randomUUID } from 'node:crypto'
import type { InputOf, OutputOf, Schema } from '../base/schema.ts'
import type { OperationContract } from '../operation/contract.ts'

/** What was answered. */
export interface TestReply<Body = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  /** Parsed; undefined where there was none. */
  readonly body: Body
  /** As it came, byte for byte: replays are compared by it. */
  readonly text: string
}

/** One request of a caller. */
export interface AskOptions {
  readonly body?: unknown
  /** A fresh one by default, for whatever is no GET. */
  readonly idempotencyKey?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The caller leaves when it aborts. */
  readonly signal?: AbortSignal
}

/** A problem as `call` throws it. */
export class TestProblem extends Error {
  readonly status: number
  readonly code: string
  readonly body: Readonly<Record<string, unknown>>

  constructor(operation: string, { status, body }: TestReply) {
    const code = String(body?.code)
    super(`${operation}: ${status} ${code} ${JSON.stringify(body)}`)
    this.name = 'TestProblem'
    this.status = status
    this.code = code
    this.body = body
  }
}

/** A caller with an API key of a tenant; made by `app.caller`. */
export class TestCaller {
  /** Who acts with the key. */
  readonly principal: string
  readonly tenant: string
  /** The text of the key. */
  readonly key: string
  readonly #apiUrl: string

  constructor(facts: { apiUrl: string; tenant: string; principal: string; key: string }) {
    this.#apiUrl = facts.apiUrl
    this.tenant = facts.tenant
    this.principal = facts.principal
    this.key = facts.key
  }

  /** `ask('POST /v1/orders', { body })`: whatever the answer is, it is returned. */
  async ask<Body = Record<string, unknown>>(
    what: string,
    options: AskOptions = {},
  ): Promise<TestReply<Body>> {
    const { body, idempotencyKey, headers, signal } = options
    const [method = '', target = ''] = what.split(' ')
    const response = await fetch(this.#apiUrl + target, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(method !== 'GET' && { 'idempotency-key': idempotencyKey ?? randomUUID() }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    })
    const text = await response.text()
    const parsed = (text === '' ? undefined : JSON.parse(text)) as Body
    return { status: response.status, headers: response.headers, body: parsed, text }
  }

  /** By contract, with its types: the output, or a TestProblem is thrown. */
  async call<I extends Schema, O extends Schema>(
    contract: OperationContract<I, O>,
    input: InputOf<I>,
    options: Omit<AskOptions, 'body'> = {},
  ): Promise<OutputOf<O>> {
    const { what, body } = requestOf(contract, (input ?? {}) as Readonly<Record<string, unknown>>)
    const reply = await this.ask(what, { ...options, ...(body !== undefined && { body }) })
    if (reply.status >= 400) throw new TestProblem(contract.name, reply)
    return reply.body as OutputOf<O>
  }
}

/** Path parameters first; what is left goes into the body, or into the query where there is none. */
function requestOf(
  { name, http }: Pick<OperationContract, 'name' | 'http'>,
  input: Readonly<Record<string, unknown>>,
): { what: string; body: unknown } {
  if (http === undefined) throw new TypeError(`${name} has no HTTP binding: use tx.call or a job.`)
  const rest = { ...input }
  const path = http.path.replaceAll(/\{(\w+)\}/g, (_, parameter: string) => {
    const value = rest[parameter]
    delete rest[parameter]
    return encodeURIComponent(String(value))
  })
  if (http.hasBody) return { what: `${http.method} ${path}`, body: rest }
  const query = new URLSearchParams()
  for (const [field, value] of Object.entries(rest)) {
    for (const each of [value].flat()) if (each !== undefined) query.append(field, String(each))
  }
  const target = query.size === 0 ? path : `${path}?${query}`
  return { what: `${http.method} ${target}`, body: undefined }
}
