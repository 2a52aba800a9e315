/** An OpenTelemetry SDK as an app would register it, whose spans are kept for the test. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, type ContextManager, context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

class StoredContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...parts: A) => ReturnType<F>>(
    active: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...parts: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => work.call(thisArg, ...parts))
  }

  bind<T>(_active: Context, target: T): T {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    return this
  }
}

export interface CollectedSpans {
  readonly spans: readonly ReadableSpan[]
  reset(): void
}

/** For the whole process: registered before the app starts. */
export function collectSpans(): CollectedSpans {
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
  )
  context.setGlobalContextManager(new StoredContext())
  return {
    get spans() {
      return exporter.getFinishedSpans()
    },
    reset: () => exporter.reset(),
  }
}
