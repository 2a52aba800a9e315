import type { Secrets } from './cluster.ts'
import type { Registration } from './keeper-client.ts'
import type { KeeperState } from './keeper-protocol.ts'
import { ensureDatabaseOn, ensureLoginRole, withAdmin } from './login-role.ts'

/** The login role of apps: owner of its databases, no superuser, bound by row level security. */
export const OWNER_ROLE = 'holdfast'
const ADMIN_ROLE = 'postgres'

/** A server that runs while somebody uses it. */
export interface EmbeddedPostgres {
  /** A URL that logs in as the role `holdfast`. The database is `holdfast` by default. */
  url(database?: string): string
  /** A URL that logs in as superuser: for tests and tools only. The database is `postgres` by default. */
  adminUrl(database?: string): string
  /** On 127.0.0.1. */
  readonly port: number
  readonly dataDir: string
  /** The process id of the server. */
  readonly pid: number
  /** Leaves the server; resolves when it has stopped, or at once where another process uses it. */
  stop(): Promise<void>
}

/** One process as a user of a server. */
export interface Membership {
  readonly state: KeeperState
  readonly registration: Registration
}

function serverUrl(role: string, password: string, port: number, database: string): string {
  return `postgres://${role}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
}

/** Makes the login role and its default database. */
export function prepareServer(port: number, secrets: Secrets): Promise<void> {
  return withAdmin(serverUrl(ADMIN_ROLE, secrets.admin, port, 'postgres'), async (client) => {
    await ensureLoginRole(client, { name: OWNER_ROLE, password: secrets.owner })
    await ensureDatabaseOn(client, OWNER_ROLE, OWNER_ROLE)
  })
}

/** Makes a database owned by the role `holdfast`, unless it is there. */
export function ensureDatabase(server: EmbeddedPostgres, name: string): Promise<void> {
  return withAdmin(server.adminUrl(), (client) => ensureDatabaseOn(client, name, OWNER_ROLE))
}

export class ServerHandle implements EmbeddedPostgres {
  #membership: Membership
  readonly #secrets: Secrets
  readonly #reenter: () => Promise<Membership>
  #stopped = false

  constructor(membership: Membership, secrets: Secrets, reenter: () => Promise<Membership>) {
    this.#membership = membership
    this.#secrets = secrets
    this.#reenter = reenter
    this.#watch()
  }

  get port(): number {
    return this.#membership.state.port
  }

  get dataDir(): string {
    return this.#membership.state.dataDir
  }

  get pid(): number {
    return this.#membership.state.pid
  }

  url(database: string = OWNER_ROLE): string {
    return serverUrl(OWNER_ROLE, this.#secrets.owner, this.port, database)
  }

  adminUrl(database = 'postgres'): string {
    return serverUrl(ADMIN_ROLE, this.#secrets.admin, this.port, database)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#membership.registration.leave()
  }

  /** A killed keeper leaves its server running: the next keeper takes it over, with us as its user. */
  #watch(): void {
    this.#membership.registration.onLost(async () => {
      try {
        const membership = await this.#reenter()
        this.#membership = membership
        if (this.#stopped) await membership.registration.leave()
        else this.#watch()
      } catch {
        // The app sees that its database is gone, which says more than this could.
      }
    })
  }
}
