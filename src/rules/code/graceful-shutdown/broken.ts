import type { Server } from 'node:http'

export interface Parts {
  readonly server: Server
  readonly failReadiness: () => void
  readonly pause: (ms: number) => Promise<void>
  readonly closeIdle: () => void
  readonly pool: { end(): Promise<void> }
}

/** The pool goes first: requests under way lose their connection. */
export async function stop({ server, pool }: Parts): Promise<void> {
  await pool.end()
  server.closeAllConnections()
}
