/** An average of all requests: 1 % that take 10 s move it from 50 to 150 ms. */
export function summary(durationsMs: readonly number[]): { latencyMs: number } {
  const sum = durationsMs.reduce((total, ms) => total + ms, 0)
  return { latencyMs: sum / durationsMs.length }
}
