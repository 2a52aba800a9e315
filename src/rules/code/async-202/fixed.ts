export interface Reply {
  readonly status: number
  readonly headers: Record<string, string>
}

const states = new Map<string, 'running' | 'done' | 'failed'>()

/** In an application the states are rows and the work is a job. */
export async function exportOrders(work: () => Promise<void>, id: string): Promise<Reply> {
  states.set(id, 'running')
  work().then(
    () => states.set(id, 'done'),
    () => states.set(id, 'failed'),
  )
  return { status: 202, headers: { location: `/v1/exports/${id}`, 'retry-after': '5' } }
}

export function exportStatus(id: string): string | undefined {
  return states.get(id)
}
