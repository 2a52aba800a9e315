import { databases } from './databases.ts'
import type { Library } from './library.ts'
import { services } from './services.ts'

export const libraries: readonly Library[] = [...databases, ...services]

/** The runtime's own: fetch, and node:http. */
export const platform: Library = {
  id: 'fetch',
  title: 'fetch',
  kind: 'http',
  packages: ['node:http', 'node:https', 'http', 'https'],
  handles: [],
  verbs: { '()': { does: 'request' }, get: { does: 'request' }, request: { does: 'request' } },
  says: { timeout: 'fetch(url, { signal: AbortSignal.timeout(5_000) })' },
}
