/**
 * JSON-RPC 2.0 as the Model Context Protocol uses it: one object per line, no batches, ids that are
 * strings or whole numbers.
 */

export type RequestId = string | number

export interface RpcRequest {
  readonly id: RequestId
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface RpcNotification {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

export type Incoming =
  | { readonly kind: 'request'; readonly request: RpcRequest }
  | { readonly kind: 'notification'; readonly notification: RpcNotification }
  | { readonly kind: 'invalid'; readonly error: RpcError; readonly id?: RequestId }
  /** A response: this server asks nothing, so it is nobody's. */
  | { readonly kind: 'stray' }

/** Of JSON-RPC, and the one of MCP that a server without wishes can need. */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  unsupportedProtocolVersion: -32022,
} as const

export class RpcError extends Error {
  readonly code: number
  readonly data: unknown

  constructor(code: keyof typeof rpcCodes, message: string, data?: unknown) {
    super(message)
    this.code = rpcCodes[code]
    this.data = data
  }
}

export function readMessage(line: string): Incoming {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { kind: 'invalid', error: new RpcError('parseError', 'This line is no JSON.') }
  }
  if (!isObject(value)) return invalid('A message is one JSON object; batches are not allowed.')
  const { jsonrpc, id, method, params = {} } = value
  const own = isId(id) ? { id } : {}
  if (jsonrpc !== '2.0') return invalid('jsonrpc must be "2.0".', own)
  if (method === undefined && ('result' in value || 'error' in value)) return { kind: 'stray' }
  if (typeof method !== 'string') return invalid('method must be a string.', own)
  if (!isObject(params)) return invalid('params must be an object.', own)
  if (!('id' in value)) return { kind: 'notification', notification: { method, params } }
  if (!isId(id)) return invalid('id must be a string or a whole number.')
  return { kind: 'request', request: { id, method, params } }
}

function invalid(message: string, own: { readonly id?: RequestId } = {}): Incoming {
  return { kind: 'invalid', error: new RpcError('invalidRequest', message), ...own }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isSafeInteger(value)
}
