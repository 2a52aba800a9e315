/** From what a handler returns to what is stored and sent: cut to the schema, bounded, one text. */
import { HoldfastError } from '../base/fault.ts'
import { parseWith } from '../base/schema.ts'
import { listed } from './payload.ts'
import type { RegisteredOperation } from './registered.ts'
import type { Reply } from './reply.ts'

const JSON_TYPE = 'application/json'
export const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

/** The value as its output schema lets it out. A value that does not fit is a bug of the handler. */
export async function cutToOutput(
  operation: RegisteredOperation,
  value: unknown,
): Promise<unknown> {
  const parsed = await parseWith(operation.contract.output, value)
  if (parsed.ok) return parsed.value
  throw new HoldfastError('HF_REPLY_INVALID', `${operation.name}: ${listed(parsed.violations)}.`)
}

export function makeReply(operation: RegisteredOperation, output: unknown): Reply {
  const { replyType } = operation.contract
  const body = replyType === undefined ? jsonText(output) : String(output)
  assertBounded(operation, body)
  return {
    status: operation.kind === 'query' ? 200 : operation.contract.status,
    contentType: replyType ?? JSON_TYPE,
    headers: headersOf(operation, output),
    body,
    replayed: false,
  }
}

function jsonText(output: unknown): string {
  return output === undefined ? '' : JSON.stringify(output)
}

/** UTF-8 takes at most three bytes for each UTF-16 code unit: most replies need no count. */
function assertBounded({ name, replyBytesMax }: RegisteredOperation, body: string): void {
  if (body.length * 3 <= replyBytesMax) return
  const bytes = Buffer.byteLength(body)
  if (bytes <= replyBytesMax) return
  throw new HoldfastError(
    'HF_REPLY_TOO_LARGE',
    `${name}: ${bytes} bytes, at most ${replyBytesMax}.`,
  )
}

/** RFC 9110 §8.8.3, without the bytes above ASCII, which a header would not carry unchanged. */
const ETAG = /^[\x21\x23-\x7e]*$/

function etagHeader(
  operation: RegisteredOperation,
  output: unknown,
): Readonly<Record<string, string>> {
  const { contract, name } = operation
  if (contract.etag === undefined) return NO_HEADERS
  const tag = String(contract.etag(output))
  if (ETAG.test(tag)) return { etag: `"${tag}"` }
  throw new HoldfastError('HF_REPLY_INVALID', `${name}: ${JSON.stringify(tag)} is no entity-tag.`)
}

/** A path of this server: what a browser or a client would take elsewhere is a bug. */
const LOCATION = /^\/(?!\/)[\x21-\x7e]*$/

function headersOf(
  operation: RegisteredOperation,
  output: unknown,
): Readonly<Record<string, string>> {
  const headers = etagHeader(operation, output)
  if (operation.kind !== 'command' || operation.contract.location === undefined) return headers
  const location = operation.contract.location(output)
  if (LOCATION.test(location)) return { ...headers, location }
  const told = `${JSON.stringify(location)} is no path for Location`
  throw new HoldfastError('HF_REPLY_INVALID', `${operation.name}: ${told}.`)
}

export function withHeaders(reply: Reply, headers: Readonly<Record<string, string>>): Reply {
  for (const _ in headers) return { ...reply, headers: { ...reply.headers, ...headers } }
  return reply
}
