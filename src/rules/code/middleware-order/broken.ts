export type Step = (request: { user?: string; body: string }) => number | undefined

/**
 * Registered where each feature lives: the body is parsed for callers that are refused afterwards.
 */
export function createPipeline(parse: Step, authenticate: Step, limit: Step) {
  const steps: Step[] = []
  steps.push(parse)
  steps.unshift(limit)
  steps.push(authenticate)
  return (request: { user?: string; body: string }): number => {
    for (const step of steps) {
      const status = step(request)
      if (status !== undefined) return status
    }
    return 200
  }
}
