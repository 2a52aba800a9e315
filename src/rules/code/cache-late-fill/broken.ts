/**
 * A reader that began before a change stores the old value after the invalidation, for a whole
 * TTL.
 */
export function createCache(load: (key: string) => Promise<string>) {
  const cache = new Map<string, string>()
  return {
    async get(key: string): Promise<string> {
      const cached = cache.get(key)
      if (cached !== undefined) return cached
      const value = await load(key)
      cache.set(key, value)
      return value
    },
    invalidate(key: string): void {
      cache.delete(key)
    },
  }
}
