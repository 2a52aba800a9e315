const cache = new Map<string, string>()
const loading = new Map<string, Promise<string>>()

/** The first one loads, the others wait for its result. */
export async function page(key: string, load: () => Promise<string>): Promise<string> {
  const cached = cache.get(key)
  if (cached !== undefined) return cached
  const flight =
    loading.get(key) ??
    load()
      .then((value) => {
        cache.set(key, value)
        return value
      })
      .finally(() => loading.delete(key))
  loading.set(key, flight)
  return flight
}
