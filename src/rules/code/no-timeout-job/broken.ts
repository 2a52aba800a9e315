export interface Job {
  run(signal: AbortSignal): Promise<void>
}

/** One job that never settles holds this worker, and all that waits behind it, for good. */
export async function workThrough(jobs: readonly Job[]): Promise<string[]> {
  const outcomes: string[] = []
  for (const job of jobs) {
    await job.run(new AbortController().signal)
    outcomes.push('done')
  }
  return outcomes
}
