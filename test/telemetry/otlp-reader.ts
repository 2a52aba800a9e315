/**
 * Reads a request to a collector in its binary form, as opentelemetry-proto 1.7 describes it, into the
 * form that its JSON mapping has: written apart from what writes it.
 */

type Fields = Map<number, (bigint | Buffer)[]>

export function fieldsOf(message: Buffer): Fields {
  const fields: Fields = new Map()
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const bytes = (length: number) => {
    at += length
    if (at > message.length) throw new Error('A field ends behind its message.')
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = Number(varint())
    const type = tag & 7
    const value = type === 0 ? varint() : bytes(type === 1 ? 8 : type === 5 ? 4 : Number(varint()))
    if (![0, 1, 2, 5].includes(type)) throw new Error(`Type ${type}`)
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
  }
  return fields
}

export interface ReadSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: readonly { readonly key: string; readonly value: object }[]
  readonly [field: string]: unknown
}

export interface ReadRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ReadSpan['attributes'] }
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string }
      readonly spans: readonly ReadSpan[]
    }[]
  }[]
}

export function readRequest(body: Buffer): ReadRequest {
  return { resourceSpans: messages(body, 1).map(resourceSpans) }
}

function resourceSpans(message: Buffer) {
  const [resource = Buffer.alloc(0)] = messages(message, 1)
  return {
    resource: { attributes: messages(resource, 1).map(keyValue) },
    scopeSpans: messages(message, 2).map((scopeSpans) => ({
      scope: { name: text(messages(scopeSpans, 1)[0] as Buffer, 1) ?? '' },
      spans: messages(scopeSpans, 2).map(span),
    })),
  }
}

function span(message: Buffer): ReadSpan {
  return {
    traceId: hex(message, 1) ?? '',
    spanId: hex(message, 2) ?? '',
    ...given('traceState', text(message, 3)),
    ...given('parentSpanId', hex(message, 4)),
    name: text(message, 5) ?? '',
    kind: number(message, 6),
    startTimeUnixNano: String(fixed64(message, 7)),
    endTimeUnixNano: String(fixed64(message, 8)),
    attributes: messages(message, 9).map(keyValue),
    droppedAttributesCount: number(message, 10),
    events: messages(message, 11).map((event) => ({
      timeUnixNano: String(fixed64(event, 1)),
      name: text(event, 2),
      attributes: messages(event, 3).map(keyValue),
    })),
    droppedEventsCount: number(message, 12),
    links: messages(message, 13).map((link) => ({
      traceId: hex(link, 1),
      spanId: hex(link, 2),
      ...given('traceState', text(link, 3)),
      attributes: messages(link, 4).map(keyValue),
      flags: fixed32(link, 6),
    })),
    droppedLinksCount: number(message, 14),
    status: messages(message, 15).reduce(
      (_, status) => ({ code: number(status, 3), ...given('message', text(status, 2)) }),
      { code: 0 },
    ),
    flags: fixed32(message, 16),
  }
}

function keyValue(message: Buffer): ReadSpan['attributes'][number] {
  return { key: text(message, 1) ?? '', value: anyValue(messages(message, 2)[0] as Buffer) }
}

function anyValue(message: Buffer): object {
  const [field, [value] = []] = [...fieldsOf(message)][0] ?? [0]
  if (field === 1) return { stringValue: String(value) }
  if (field === 2) return { boolValue: value === 1n }
  if (field === 3) return { intValue: Number(BigInt.asIntN(64, value as bigint)) }
  if (field === 4) return { doubleValue: (value as Buffer).readDoubleLE() }
  if (field === 5) return { arrayValue: { values: messages(value as Buffer, 1).map(anyValue) } }
  return {}
}

function messages(message: Buffer, field: number): Buffer[] {
  return (fieldsOf(message).get(field) ?? []) as Buffer[]
}

function last(message: Buffer, field: number): bigint | Buffer | undefined {
  return fieldsOf(message).get(field)?.at(-1)
}

function text(message: Buffer, field: number): string | undefined {
  return (last(message, field) as Buffer | undefined)?.toString()
}

function hex(message: Buffer, field: number): string | undefined {
  return (last(message, field) as Buffer | undefined)?.toString('hex')
}

function number(message: Buffer, field: number): number {
  return Number(last(message, field) ?? 0)
}

function fixed64(message: Buffer, field: number): bigint {
  return (last(message, field) as Buffer).readBigUInt64LE()
}

function fixed32(message: Buffer, field: number): number {
  return (last(message, field) as Buffer).readUInt32LE()
}

function given(name: string, value: unknown): object {
  return value === undefined ? {} : { [name]: value }
}
