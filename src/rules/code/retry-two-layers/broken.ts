async function withRetry<T>(call: () => Promise<T>, attemptsMax: number): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (attempt === attemptsMax) throw error
    }
  }
}

/** 3 in the client, 3 in the service, 3 in the job: 27 calls for one request. */
export function runJob(fetchPrice: () => Promise<number>): Promise<number> {
  const client = () => withRetry(fetchPrice, 3)
  const service = () => withRetry(client, 3)
  return withRetry(service, 3)
}
