import type { Server } from 'node:http'

export interface Parts {
  readonly server: Server
  readonly failReadiness: () => void
  readonly pause: (ms: number) => Promise<void>
  readonly closeIdle: () => void
  readonly pool: { end(): Promise<void> }
}

/** The balancer goes on sending until it has asked for readiness again. */
const LEARN_MS = 5_000

/** Not ready, then no new connections, then those under way, then what they need; a bound around all. */
export async function stop(parts: Parts, boundMs = 10_000): Promise<void> {
  const { server, failReadiness, pause, closeIdle, pool } = parts
  failReadiness()
  await pause(LEARN_MS)
  const cut = setTimeout(() => server.closeAllConnections(), boundMs)
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  closeIdle()
  await closed
  clearTimeout(cut)
  await pool.end()
}
