const cache = new Map<string, string>()

/** Kept for ever, shared by all tenants, and never told of a change. */
export async function nameOf(_tenant: string, id: string, load: () => Promise<string>) {
  const cached = cache.get(id)
  if (cached !== undefined) return cached
  const name = await load()
  cache.set(id, name)
  return name
}
