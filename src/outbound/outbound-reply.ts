import type { IncomingHttpHeaders } from 'node:http'
import { parseJson } from '../base/json.ts'
import { parseWith, type Schema } from '../base/schema.ts'
import type { RawReply } from './exchange.ts'
import { outboundError } from './outbound-error.ts'

/** What came back. Its body was read in full, within the bound of the client. */
export class OutboundReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly #where: { readonly client: string; readonly route: string }

  constructor(raw: RawReply, where: { readonly client: string; readonly route: string }) {
    this.status = raw.status
    this.headers = raw.headers
    this.bytes = raw.bytes
    this.#where = where
  }

  /** 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  /** The body as its schema says, or HF_OUTBOUND_REPLY. */
  async json<Output>(schema: Schema<unknown, Output>): Promise<Output> {
    const read = parseJson(this.bytes)
    if (!read.ok) throw this.#unusable(`the body ${read.complaint}`)
    const parsed = await parseWith(schema, read.value)
    if (parsed.ok) return parsed.value
    const list = parsed.violations.map(({ pointer, message }) => `${pointer || '/'}: ${message}`)
    throw this.#unusable(`the body does not fit its schema: ${list.join('; ')}`)
  }

  #unusable(message: string) {
    const facts = { ...this.#where, effect: 'unknown', status: this.status } as const
    return outboundError('HF_OUTBOUND_REPLY', facts, `${this.status}, ${message}`)
  }
}
