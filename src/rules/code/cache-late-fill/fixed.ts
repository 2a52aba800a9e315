/** Each key has a version; what was read under an older one is answered, but not kept. */
export function createCache(load: (key: string) => Promise<string>) {
  const cache = new Map<string, string>()
  const versions = new Map<string, number>()
  const versionOf = (key: string) => versions.get(key) ?? 0
  return {
    async get(key: string): Promise<string> {
      const cached = cache.get(key)
      if (cached !== undefined) return cached
      const before = versionOf(key)
      const value = await load(key)
      if (versionOf(key) === before) cache.set(key, value)
      return value
    },
    invalidate(key: string): void {
      versions.set(key, versionOf(key) + 1)
      cache.delete(key)
    },
  }
}
