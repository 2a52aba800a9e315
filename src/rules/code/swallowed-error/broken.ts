export async function saveAll(
  items: readonly string[],
  save: (item: string) => Promise<void>,
): Promise<{ saved: number }> {
  for (const item of items) {
    try {
      await save(item)
    } catch {}
  }
  return { saved: items.length }
}
