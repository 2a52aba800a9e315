export interface Job {
  run(signal: AbortSignal): Promise<void>
}

/** A job that does not end in its time is given up; its lease lets another worker try again. */
export async function workThrough(jobs: readonly Job[], timeoutMs = 60_000): Promise<string[]> {
  const outcomes: string[] = []
  for (const job of jobs) {
    const signal = AbortSignal.timeout(timeoutMs)
    const over = new Promise<string>((resolve) => {
      signal.addEventListener('abort', () => resolve('timed out'), { once: true })
    })
    outcomes.push(await Promise.race([job.run(signal).then(() => 'done'), over]))
  }
  return outcomes
}
