export type Step = (request: { user?: string; body: string }) => number | undefined

/** One list, cheap refusals first, in the order in which they run. */
export function createPipeline(parse: Step, authenticate: Step, limit: Step) {
  const steps: readonly Step[] = [authenticate, limit, parse]
  return (request: { user?: string; body: string }): number => {
    for (const step of steps) {
      const status = step(request)
      if (status !== undefined) return status
    }
    return 200
  }
}
