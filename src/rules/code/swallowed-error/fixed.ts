/** Expected failures are counted and named; everything else goes up. */
export async function saveAll(items: readonly string[], save: (item: string) => Promise<void>) {
  const failed: string[] = []
  for (const item of items) {
    try {
      await save(item)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      failed.push(item)
    }
  }
  return { saved: items.length - failed.length, failed }
}
