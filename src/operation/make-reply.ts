/** From what a handler returns to what is stored and sent: cut to the schema, bounded, one text. */
import { HoldfastError } from '../base/fault.ts'
import { parseWith } from '../base/schema.ts'
import { listed } from './payload.ts'
import type { RegisteredOperation } from './registered.ts'
import type { Reply } from './reply.ts'

const JSON_TYPE = 'application/json'
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

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
  const body = output === undefined ? '' : JSON.stringify(output)
  if (body.length > operation.replyBytesMax) {
    const bound = `${body.length} characters, at most ${operation.replyBytesMax}`
    throw new HoldfastError('HF_REPLY_TOO_LARGE', `${operation.name}: ${bound}.`)
  }
  return {
    status: operation.kind === 'query' ? 200 : operation.contract.status,
    contentType: JSON_TYPE,
    headers: etagHeader(operation, output),
    body,
    replayed: false,
  }
}

function etagHeader(
  operation: RegisteredOperation,
  output: unknown,
): Readonly<Record<string, string>> {
  const { contract } = operation
  return contract.etag === undefined ? NO_HEADERS : { etag: `"${contract.etag(output)}"` }
}

export function withHeaders(reply: Reply, headers: Readonly<Record<string, string>>): Reply {
  for (const _ in headers) return { ...reply, headers: { ...reply.headers, ...headers } }
  return reply
}
