/** A span on its way to the thread that sends it: plain data, as structured cloning carries it. */
import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

interface PlainContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly isRemote: boolean
}

export interface ExportedSpan {
  readonly name: string
  readonly kind: number
  readonly context: PlainContext
  readonly parent: PlainContext | undefined
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly duration: HrTime
  readonly status: { readonly code: number; readonly message?: string }
  readonly attributes: Attributes
  readonly events: readonly {
    readonly name: string
    readonly time: HrTime
    readonly attributes?: Attributes
  }[]
  readonly links: readonly { readonly context: PlainContext; readonly attributes?: Attributes }[]
  readonly scope: string
}

export function exportedSpan(span: ReadableSpan): ExportedSpan {
  const { name, kind, startTime, endTime, duration, status, attributes } = span
  return {
    name,
    kind,
    context: plain(span.spanContext()),
    parent: span.parentSpanContext && plain(span.parentSpanContext),
    startTime,
    endTime,
    duration,
    status,
    attributes,
    events: span.events.map(({ name: event, time, attributes: more }) => ({
      name: event,
      time,
      ...(more && { attributes: more as Attributes }),
    })),
    links: span.links.map(({ context, attributes: more }) => ({
      context: plain(context),
      ...(more && { attributes: more }),
    })),
    scope: span.instrumentationScope.name,
  }
}

function plain({ traceId, spanId, traceFlags, isRemote = false }: SpanContext): PlainContext {
  return { traceId, spanId, traceFlags, isRemote }
}

/** As exporters read them. Those of one resource and scope are sent as one, and compared by identity. */
export function spanReader(serviceName: string): (span: ExportedSpan) => ReadableSpan {
  const resource = { attributes: { 'service.name': serviceName }, asyncAttributesPending: false }
  const scopes = new Map<string, { readonly name: string }>()
  return ({ context, parent, scope, events, links, ...rest }) => {
    const known = scopes.get(scope) ?? { name: scope }
    scopes.set(scope, known)
    return {
      ...rest,
      spanContext: () => context,
      ...(parent && { parentSpanContext: parent }),
      events: [...events],
      links: [...links],
      ended: true,
      instrumentationScope: known,
      resource: resource as unknown as ReadableSpan['resource'],
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    } as ReadableSpan
  }
}
