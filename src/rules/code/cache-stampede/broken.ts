const cache = new Map<string, string>()

/** When the entry ends, everybody who asks in that second loads it. */
export async function page(key: string, load: () => Promise<string>): Promise<string> {
  const cached = cache.get(key)
  if (cached !== undefined) return cached
  const value = await load()
  cache.set(key, value)
  return value
}
