export function createPrices(load: (sku: string) => Promise<number>) {
  const cache = new Map<string, number>()
  const stored = new Map<string, number>()
  return {
    async priceOf(sku: string): Promise<number> {
      const price = cache.get(sku) ?? stored.get(sku) ?? (await load(sku))
      cache.set(sku, price)
      return price
    },
    /** After the commit, never before: until then a reader would fill in the old price again. */
    async change(sku: string, price: number): Promise<void> {
      stored.set(sku, price)
      cache.delete(sku)
    },
  }
}
