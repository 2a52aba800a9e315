/**
 * Traces exported by Holdfast itself, where the configuration names a collector and the app has
 * registered no SDK of its own. The packages are optional and loaded here.
 */
import type { Clock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import type { TelemetryConfig } from '../config.ts'
import type { Log } from '../log.ts'
import { SpanQueue } from './span-queue.ts'
import { storedContext } from './stored-context.ts'
import { findTracing, isSdkRegistered, Tracing } from './tracing.ts'

export interface OpenTracing {
  readonly tracing: Tracing | undefined
  readonly queue: SpanQueue | undefined
  /** Sends what is left and gives the global places of the API back. */
  stop(): Promise<void>
}

export interface TracingOptions {
  readonly config: TelemetryConfig
  readonly clock: Clock
  readonly log: Log
}

/** A collector that takes longer is too slow to be waited for. */
const EXPORT_TIMEOUT_MS = 10_000

export async function openTracing(options: TracingOptions): Promise<OpenTracing> {
  const { otlpEndpoint } = options.config
  if (otlpEndpoint === undefined || isSdkRegistered()) {
    return { tracing: await findTracing(), queue: undefined, stop: async () => {} }
  }
  return exportTo(otlpEndpoint, options)
}

async function exportTo(
  endpoint: string,
  { config, clock, log }: TracingOptions,
): Promise<OpenTracing> {
  const { api, sdk } = await loadPackages()
  const target = {
    url: `${endpoint}/v1/traces`,
    headers: headersOf(config.otlpHeaders?.reveal() ?? ''),
    serviceName: config.serviceName,
    timeoutMs: EXPORT_TIMEOUT_MS,
  }
  const queue = new SpanQueue({ target, clock, log })
  const root = new sdk.TraceIdRatioBasedSampler(config.sampledRatio)
  const sampler = new sdk.ParentBasedSampler({ root })
  const provider = new sdk.TracerProvider({ sampler, spanProcessors: [queue] })
  api.trace.setGlobalTracerProvider(provider)
  api.context.setGlobalContextManager(storedContext(api.ROOT_CONTEXT))
  return {
    tracing: new Tracing(api),
    queue,
    async stop() {
      await provider.shutdown()
      api.trace.disable()
      api.context.disable()
    },
  }
}

async function loadPackages() {
  try {
    const [api, sdk] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
    ])
    return { api, sdk }
  } catch (cause) {
    throw new HoldfastError('HF_OTEL_MISSING', undefined, { cause })
  }
}

/** `name=value,name=value`, values percent-encoded (OTLP exporter specification). */
function headersOf(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('='))
  return Object.fromEntries(
    pairs
      .filter(([name, value]) => name?.trim() && value !== undefined)
      .map(([name = '', ...value]) => [name.trim(), decodeURIComponent(value.join('=').trim())]),
  )
}
