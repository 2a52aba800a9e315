export type Step = (timeoutMs: number) => Promise<void>

/** One budget that shrinks; a step for which nothing is left is not begun. */
export async function checkout(steps: readonly Step[], deadlineMs: number, nowMs: () => number) {
  for (const step of steps) {
    const leftMs = deadlineMs - nowMs()
    if (leftMs <= 0) throw new Error('deadline exceeded')
    await step(Math.min(2_000, leftMs))
  }
}
