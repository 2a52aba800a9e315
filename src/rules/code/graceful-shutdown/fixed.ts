import type { Server } from 'node:http'

export interface Parts {
  readonly server: Server
  readonly closeIdle: () => void
  readonly pool: { end(): Promise<void> }
}

/** No new connections, then those under way, then what they need; a bound stands around all. */
export async function stop({ server, closeIdle, pool }: Parts, boundMs = 10_000): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), boundMs)
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  closeIdle()
  await closed
  clearTimeout(cut)
  await pool.end()
}
