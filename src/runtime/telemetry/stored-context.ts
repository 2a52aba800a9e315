/**
 * What is active, in an AsyncLocalStorage: what `@opentelemetry/api` itself does not bring.
 *
 * Our own spans are kept as they are. They become a context where somebody asks for it, which only the
 * code of the app does.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context, ContextManager } from '@opentelemetry/api'
import { RecordedSpan, type RunInSpan } from './recorded-span.ts'
import type { OpenTelemetryApi } from './registered-tracing.ts'

export interface StoredContext extends ContextManager {
  readonly run: RunInSpan
}

export function storedContext({ ROOT_CONTEXT, trace }: OpenTelemetryApi): StoredContext {
  const storage = new AsyncLocalStorage<Context | RecordedSpan>()
  const manager: StoredContext = {
    active() {
      const stored = storage.getStore() ?? ROOT_CONTEXT
      return stored instanceof RecordedSpan ? trace.setSpan(ROOT_CONTEXT, stored) : stored
    },
    run(span, work) {
      const around = storage.getStore()
      // What an app has put into a context of its own (baggage) stays in it.
      const isPlain = around === undefined || around instanceof RecordedSpan
      return storage.run(isPlain ? span : trace.setSpan(around, span), work)
    },
    with: (context, work, thisArg, ...parts) =>
      storage.run(context, () => work.call(thisArg as never, ...parts)),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}
