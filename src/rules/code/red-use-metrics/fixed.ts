const BUCKETS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]

/** A histogram per operation: percentiles of many processes can be added up. */
export function summary(durationsMs: readonly number[]) {
  const counts = BUCKETS_MS.map((limit) => durationsMs.filter((ms) => ms <= limit).length)
  const rank = Math.ceil(durationsMs.length * 0.99)
  const at = counts.findIndex((count) => count >= rank)
  return { latencyMs: BUCKETS_MS[at] ?? Number.POSITIVE_INFINITY, counts }
}
