interface Kept {
  readonly value: Promise<string>
  readonly endsAtMs: number
}

const TTL_MS = 30_000
const ENTRIES_MAX = 10_000
const cache = new Map<string, Kept>()

/** Bounded in time and number; one load for all who ask at once; a failure is not kept. */
export async function nameOf(
  tenant: string,
  id: string,
  load: () => Promise<string>,
  nowMs = performance.now(),
) {
  const key = `${tenant}:${id}`
  const kept = cache.get(key)
  if (kept !== undefined && nowMs < kept.endsAtMs) return kept.value
  if (cache.size >= ENTRIES_MAX) cache.delete(cache.keys().next().value ?? key)
  const value = load()
  cache.set(key, { value, endsAtMs: nowMs + TTL_MS })
  value.catch(() => cache.delete(key))
  return value
}

/** Called where the change commits. */
export function forget(tenant: string, id: string): void {
  cache.delete(`${tenant}:${id}`)
}
