/**
 * A server of the Model Context Protocol that only answers: it keeps no session, asks nothing of the
 * client and announces nothing.
 *
 * Two generations are spoken, and may be mixed on one stream:
 * - modern (2026-07-28): every request carries its version in `_meta`; no handshake;
 * - legacy (2025-11-25, 2025-06-18): `initialize` first, which holds for the process.
 */
import { HoldfastError } from '../base/fault.ts'
import { parseWith } from '../base/schema.ts'
import { isObject, type RequestId, RpcError, type RpcRequest, readMessage } from './message.ts'
import { type Resource, type Tool, ToolFailure, type ToolReply } from './tool.ts'

const MODERN_VERSIONS = ['2026-07-28']
const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18']
const SUPPORTED_VERSIONS = [...MODERN_VERSIONS, ...LEGACY_VERSIONS]

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'
const SERVER_KEY = 'io.modelcontextprotocol/serverInfo'

/** Lists and pages change with the package only. */
const TTL_MS = 3_600_000
const PAGE_SIZE = 50
/** A client that sends more at once does not wait for answers. */
const IN_FLIGHT_MAX = 16
/** What a model can read at once; a larger reply is cut and says so. */
const TEXT_LENGTH_MAX = 60_000
const DATA_LENGTH_MAX = 200_000

export interface McpServerOptions {
  readonly info: { readonly name: string; readonly title: string; readonly version: string }
  /** How a model should use this server. */
  readonly instructions: string
  readonly tools: readonly Tool[]
  readonly resources: readonly Resource[]
  /** The last thing that happens to every text that leaves. */
  redact(text: string): string
  /** What went wrong inside, for standard error. */
  notify(line: string): void
}

type Era = 'modern' | 'legacy'
type Result = Record<string, unknown>

export class McpServer {
  readonly #options: McpServerOptions
  readonly #inFlight = new Map<RequestId, AbortController>()
  #initialized = false

  constructor(options: McpServerOptions) {
    this.#options = options
  }

  /** Resolves to the line to answer with, or to nothing. Never rejects. */
  async answer(line: string): Promise<string | undefined> {
    const incoming = readMessage(line)
    switch (incoming.kind) {
      case 'stray':
        return undefined
      case 'invalid':
        return this.#line({ id: incoming.id, error: incoming.error })
      case 'notification':
        this.#notice(incoming.notification.method, incoming.notification.params)
        return undefined
      default:
        return this.#answerRequest(incoming.request)
    }
  }

  /** Aborts what is under way; nothing of it is answered any more. */
  stop(): void {
    for (const controller of this.#inFlight.values()) controller.abort()
  }

  #notice(method: string, { requestId }: Readonly<Record<string, unknown>>): void {
    if (method !== 'notifications/cancelled') return
    this.#inFlight.get(requestId as RequestId)?.abort()
  }

  async #answerRequest(request: RpcRequest): Promise<string | undefined> {
    const { id } = request
    const refused = this.#refusal(id)
    if (refused !== undefined) return this.#line({ id, error: refused })
    const controller = new AbortController()
    this.#inFlight.set(id, controller)
    try {
      const result = await this.#resultOf(request, controller.signal)
      return controller.signal.aborted ? undefined : this.#line({ id, result })
    } catch (error) {
      return controller.signal.aborted ? undefined : this.#line({ id, error: this.#told(error) })
    } finally {
      this.#inFlight.delete(id)
    }
  }

  #refusal(id: RequestId): RpcError | undefined {
    if (this.#inFlight.has(id)) return new RpcError('invalidRequest', 'This id is still in use.')
    if (this.#inFlight.size < IN_FLIGHT_MAX) return undefined
    return new RpcError('internalError', `At most ${IN_FLIGHT_MAX} requests at once: wait for one.`)
  }

  #told(error: unknown): RpcError {
    if (error instanceof RpcError) return error
    this.#options.notify(`Unexpected: ${error instanceof Error ? error.stack : String(error)}`)
    return new RpcError('internalError', 'The server failed; its standard error says how.')
  }

  #line(answer: { id?: RequestId | undefined; result?: Result; error?: RpcError }): string {
    const { id, result, error } = answer
    const own = id === undefined ? '' : `"id":${JSON.stringify(id)},`
    const body =
      error === undefined
        ? `"result":${this.#redacted(result)}`
        : `"error":${this.#redacted(errorBody(error))}`
    return `{"jsonrpc":"2.0",${own}${body}}`
  }

  #redacted(value: unknown): string {
    return JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'string' ? this.#options.redact(part) : part,
    )
  }

  async #resultOf(request: RpcRequest, signal: AbortSignal): Promise<Result> {
    if (request.method === 'initialize') return this.#initialize(request.params)
    const era = this.#eraOf(request.params)
    const result = await this.#call(request, era, signal)
    if (era === 'legacy') return result
    const { name, version } = this.#options.info
    return { resultType: 'complete', ...result, _meta: { [SERVER_KEY]: { name, version } } }
  }

  /** By what the request itself carries; the handshake counts only for requests that carry nothing. */
  #eraOf({ _meta: meta }: Readonly<Record<string, unknown>>): Era {
    const version = isObject(meta) ? meta[VERSION_KEY] : undefined
    if (version === undefined && this.#initialized) return 'legacy'
    if (version === undefined || !isObject(meta)) {
      throw new RpcError('invalidParams', `_meta["${VERSION_KEY}"] is missing.`, {
        supported: SUPPORTED_VERSIONS,
      })
    }
    if (!MODERN_VERSIONS.includes(String(version))) {
      throw new RpcError('unsupportedProtocolVersion', 'Unsupported protocol version', {
        supported: SUPPORTED_VERSIONS,
        requested: version,
      })
    }
    if (isObject(meta[CAPABILITIES_KEY])) return 'modern'
    throw new RpcError('invalidParams', `_meta["${CAPABILITIES_KEY}"] must be an object.`)
  }

  #initialize({ protocolVersion }: Readonly<Record<string, unknown>>): Result {
    this.#initialized = true
    const asked = String(protocolVersion)
    return {
      protocolVersion: LEGACY_VERSIONS.includes(asked) ? asked : LEGACY_VERSIONS[0],
      capabilities: CAPABILITIES,
      serverInfo: this.#options.info,
      instructions: this.#options.instructions,
    }
  }

  async #call({ method, params }: RpcRequest, era: Era, signal: AbortSignal): Promise<Result> {
    const fresh = era === 'modern' ? { ttlMs: TTL_MS, cacheScope: 'public' } : {}
    switch (method) {
      case 'tools/call':
        return this.#callTool(params, signal)
      case 'tools/list':
        return { ...paged('tools', this.#options.tools.map(toolFacts), params), ...fresh }
      case 'resources/list':
        return {
          ...paged('resources', this.#options.resources.map(resourceFacts), params),
          ...fresh,
        }
      case 'resources/templates/list':
        return { resourceTemplates: [], ...fresh }
      case 'resources/read':
        return { ...(await this.#read(params)), ...fresh }
      case 'server/discover':
        if (era === 'modern') return { ...this.#discover(), ...fresh }
        break
      case 'ping':
        if (era === 'legacy') return {}
        break
    }
    throw new RpcError('methodNotFound', `There is no method "${method.slice(0, 100)}".`)
  }

  #discover(): Result {
    const { instructions } = this.#options
    return { supportedVersions: SUPPORTED_VERSIONS, capabilities: CAPABILITIES, instructions }
  }

  async #read({ uri }: Readonly<Record<string, unknown>>): Promise<Result> {
    const resource = this.#options.resources.find((one) => one.uri === uri)
    if (resource === undefined) throw new RpcError('invalidParams', 'There is no such resource.')
    return { contents: [{ uri, mimeType: 'text/markdown', text: cut(await resource.read()) }] }
  }

  async #callTool(params: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Result> {
    const tool = this.#options.tools.find(({ name }) => name === params.name)
    if (tool === undefined) {
      const names = this.#options.tools.map(({ name }) => name)
      throw new RpcError('invalidParams', `There is no such tool. There are: ${names.join(', ')}.`)
    }
    const parsed = await parseWith(tool.input, params.arguments ?? {})
    if (!parsed.ok) {
      const lines = parsed.violations.map(({ pointer, message }) => `${pointer || '/'}: ${message}`)
      return failure(`The arguments do not fit:\n${lines.join('\n')}`)
    }
    try {
      return success(await tool.run(parsed.value, signal))
    } catch (error) {
      // What the caller can mend goes to the model; a bug does not.
      if (error instanceof HoldfastError || error instanceof ToolFailure)
        return failure(error.message)
      throw error
    }
  }
}

const CAPABILITIES = { tools: {}, resources: {} }

function errorBody({ code, message, data }: RpcError): Record<string, unknown> {
  return { code, message, ...(data === undefined ? {} : { data }) }
}

function success({ text, data }: ToolReply): Result {
  const fits = data !== undefined && JSON.stringify(data).length <= DATA_LENGTH_MAX
  return {
    content: [{ type: 'text', text: cut(text) }],
    ...(fits ? { structuredContent: data } : {}),
  }
}

function failure(text: string): Result {
  return { content: [{ type: 'text', text: cut(text) }], isError: true }
}

function cut(text: string): string {
  if (text.length <= TEXT_LENGTH_MAX) return text
  const left = text.length - TEXT_LENGTH_MAX
  return `${text.slice(0, TEXT_LENGTH_MAX)}\n... ${left} characters more: ask for less.`
}

function toolFacts({ name, title, description, inputSchema, runsCode }: Tool): Result {
  const annotations = { readOnlyHint: !runsCode, destructiveHint: false, openWorldHint: runsCode }
  return { name, title, description, inputSchema, annotations }
}

function resourceFacts({ uri, name, title, description }: Resource): Result {
  return { uri, name, title, description, mimeType: 'text/markdown' }
}

/** Pages by place: what is listed does not change while the process lives. */
function paged(
  name: string,
  all: readonly Result[],
  { cursor }: Readonly<Record<string, unknown>>,
) {
  const start = cursor === undefined ? 0 : Number(cursor)
  if (!Number.isInteger(start) || start < 0 || start > all.length)
    throw new RpcError('invalidParams', 'This cursor is not one of ours.')
  const end = start + PAGE_SIZE
  return {
    [name]: all.slice(start, end),
    ...(end < all.length ? { nextCursor: String(end) } : {}),
  }
}
