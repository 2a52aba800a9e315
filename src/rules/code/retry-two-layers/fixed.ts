async function withRetry<T>(call: () => Promise<T>, attemptsMax: number): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (attempt === attemptsMax) throw error
    }
  }
}

/** Only the outermost layer knows how much time is left, so only it tries again. */
export function runJob(fetchPrice: () => Promise<number>): Promise<number> {
  return withRetry(fetchPrice, 3)
}
