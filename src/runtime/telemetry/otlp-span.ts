/**
 * A span as OTLP/JSON (opentelemetry-proto 1.7, trace.proto; JSON mapping: ids in hex, 64-bit integers
 * as text). Written where the span ends, in one pass: a text is what costs least on the way to the
 * thread that sends it.
 */
import type { Attributes, AttributeValue, HrTime, SpanContext } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** trace.proto, SpanFlags: whether the parent is remote is known, and that it is. */
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200

export function otlpSpan(span: ReadableSpan): string {
  const { parentSpanContext: parent, kind, startTime, endTime, events, links } = span
  const context = span.spanContext()
  // The kinds of the API begin at 0, those of the protocol at 1.
  let text = `{${contextOf(context)},"flags":${flagsOf(context, parent)}`
  if (parent !== undefined) text += `,"parentSpanId":"${parent.spanId}"`
  text += `,"name":${JSON.stringify(span.name)},"kind":${kind + 1},"startTimeUnixNano":"${nanos(startTime)}"`
  text += `,"endTimeUnixNano":"${nanos(endTime)}","attributes":${attributesOf(span.attributes)}`
  if (events.length > 0) text += `,"events":[${events.map(eventOf).join()}]`
  if (links.length > 0) text += `,"links":[${links.map(linkOf).join()}]`
  return `${text},"status":${statusOf(span.status)}}`
}

function contextOf({ traceId, spanId, traceState }: SpanContext): string {
  const state = traceState?.serialize()
  const ids = `"traceId":"${traceId}","spanId":"${spanId}"`
  return state ? `${ids},"traceState":${JSON.stringify(state)}` : ids
}

/** `other`: whose place the last two bits tell. */
function flagsOf({ traceFlags }: SpanContext, other: SpanContext | undefined): number {
  return traceFlags | HAS_IS_REMOTE | (other?.isRemote ? IS_REMOTE : 0)
}

function nanos([seconds, nanoseconds]: HrTime): string {
  return `${seconds}${String(nanoseconds).padStart(9, '0')}`
}

function statusOf({ code, message }: ReadableSpan['status']): string {
  return message === undefined
    ? `{"code":${code}}`
    : `{"code":${code},"message":${JSON.stringify(message)}}`
}

function eventOf({ name, time, attributes }: ReadableSpan['events'][number]): string {
  return `{"name":${JSON.stringify(name)},"timeUnixNano":"${nanos(time)}","attributes":${attributesOf(attributes as Attributes)}}`
}

function linkOf({ context, attributes }: ReadableSpan['links'][number]): string {
  const flags = flagsOf(context, context)
  return `{${contextOf(context)},"flags":${flags},"attributes":${attributesOf(attributes)}}`
}

function attributesOf(attributes: Attributes | undefined): string {
  let text = ''
  for (const key in attributes) {
    const value = attributes[key]
    if (value === undefined) continue
    text += `${text === '' ? '' : ','}{"key":${JSON.stringify(key)},"value":${anyValue(value)}}`
  }
  return `[${text}]`
}

function anyValue(value: AttributeValue | null): string {
  if (typeof value === 'string') return `{"stringValue":${JSON.stringify(value)}}`
  if (typeof value === 'number') return numberOf(value)
  if (typeof value === 'boolean') return `{"boolValue":${value}}`
  if (Array.isArray(value)) return `{"arrayValue":{"values":[${value.map(anyValue).join()}]}}`
  return '{}'
}

function numberOf(value: number): string {
  if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`
  return Number.isFinite(value) ? `{"doubleValue":${value}}` : `{"doubleValue":"${value}"}`
}
