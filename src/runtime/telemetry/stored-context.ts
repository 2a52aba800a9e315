import { AsyncLocalStorage } from 'node:async_hooks'
import type { Context, ContextManager } from '@opentelemetry/api'

/** The active context of OpenTelemetry in an AsyncLocalStorage: what the API itself does not bring. */
export function storedContext(root: Context): ContextManager {
  const storage = new AsyncLocalStorage<Context>()
  const manager: ContextManager = {
    active: () => storage.getStore() ?? root,
    with: (context, work, thisArg, ...parts) =>
      storage.run(context, () => work.call(thisArg as never, ...parts)),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}
