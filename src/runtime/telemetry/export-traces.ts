/**
 * Traces exported by Holdfast itself, where the configuration names a collector and the app has
 * registered no SDK of its own.
 */
import type { Clock } from '../../base/clock.ts'
import type { TelemetryConfig } from '../config.ts'
import type { Log } from '../log.ts'
import { OwnTracing } from './own-tracing.ts'
import { findTracing, isSdkRegistered } from './registered-tracing.ts'
import { SpanQueue } from './span-queue.ts'
import { storedContext } from './stored-context.ts'
import type { Tracing } from './tracing.ts'

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
  const { clock } = options
  const { otlpEndpoint } = options.config
  if (otlpEndpoint === undefined || isSdkRegistered()) {
    return { tracing: await findTracing(clock), queue: undefined, stop: async () => {} }
  }
  return exportTo(otlpEndpoint, options)
}

async function exportTo(
  endpoint: string,
  { config, clock, log }: TracingOptions,
): Promise<OpenTracing> {
  const api = await import('@opentelemetry/api')
  const { serviceName, sampledRatio } = config
  const target = {
    url: `${endpoint}/v1/traces`,
    headers: headersOf(config.otlpHeaders?.reveal() ?? ''),
    timeoutMs: EXPORT_TIMEOUT_MS,
  }
  const queue = new SpanQueue({ target, serviceName, clock, log })
  const active = storedContext(api)
  const add = queue.add.bind(queue)
  const tracing = new OwnTracing({ api, clock, sampledRatio, run: active.run, add })
  api.trace.setGlobalTracerProvider(tracing)
  api.context.setGlobalContextManager(active)
  return {
    tracing,
    queue,
    async stop() {
      await queue.stop()
      api.trace.disable()
      api.context.disable()
    },
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
