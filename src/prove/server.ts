import { startTestServer } from '../database/embedded/test-server.ts'
import type { RaceServer } from './verdict.ts'

let embedded: Promise<RaceServer> | undefined

/** The embedded server of this process, for races alone: nothing on it is durable. It ends with the process. */
export function embeddedServer(): Promise<RaceServer> {
  embedded ??= start()
  return embedded
}

async function start(): Promise<RaceServer> {
  const server = await startTestServer({ settings: { autovacuum: 'off' } })
  return { url: server.url(), adminUrl: server.adminUrl(), owner: 'holdfast' }
}
