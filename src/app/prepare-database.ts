/**
 * What must be true of the database before the app serves: a role that row level security binds,
 * no pending migration, no tenant table without a wall. A wrong database ends the start; one that
 * is away does not: the process comes up, is not ready, and looks again until it is there.
 */
import { type Backoff, backoffMs } from '../base/backoff.ts'
import { type Clock, pause } from '../base/clock.ts'
import { HoldfastError } from '../base/fault.ts'
import { type Catalog, loadCatalog } from '../database/catalog.ts'
import { checkRole } from '../database/migrate/check-role.ts'
import { assertTenantTables } from '../database/migrate/check-tenant-tables.ts'
import { migrationStatus } from '../database/migrate/migrate.ts'
import { withSession } from '../database/migrate/session.ts'
import type { MigrationSource } from '../database/migrate/source.ts'
import type { Pool } from '../database/pool.ts'
import { ConnectionLostError } from '../database/sqlstate.ts'
import type { Log } from '../runtime/log.ts'

export interface Preparation {
  readonly pool: Pool
  readonly directUrl: string
  readonly sources: readonly MigrationSource[]
  readonly clock: Clock
  readonly log: Log
}

export type DatabaseState =
  | { readonly state: 'ready' }
  | { readonly state: 'away'; readonly reason: string }
  | { readonly state: 'wrong'; readonly error: unknown }

/** Between two looks at a database that is away. */
const LOOK_AGAIN: Backoff = { baseMs: 250, capMs: 3_000 }

export class DatabaseGate {
  readonly #preparation: Preparation
  readonly #stopping = new AbortController()
  #state: DatabaseState = { state: 'away', reason: 'not asked yet' }
  #looking: Promise<void> = Promise.resolve()

  constructor(preparation: Preparation) {
    this.#preparation = preparation
  }

  get state(): DatabaseState {
    return this.#state
  }

  /** One look. Throws where the database is wrong; resolves to null where it is away. */
  async look(): Promise<Catalog | null> {
    try {
      const catalog = await prepare(this.#preparation)
      this.#state = { state: 'ready' }
      return catalog
    } catch (error) {
      if (!isAway(error)) {
        this.#state = { state: 'wrong', error }
        throw error
      }
      this.#state = { state: 'away', reason: error instanceof Error ? error.message : 'no answer' }
      return null
    }
  }

  /** Looks until the database is there, then calls back; a wrong one is handed to `onWrong`. */
  keepLooking(onReady: (catalog: Catalog) => void, onWrong: (error: unknown) => void): void {
    this.#looking = this.#lookUntilThere(onReady).catch(onWrong)
  }

  async #lookUntilThere(onReady: (catalog: Catalog) => void): Promise<void> {
    const { clock, log } = this.#preparation
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt++) {
      await pause(clock, backoffMs(LOOK_AGAIN, attempt) + LOOK_AGAIN.baseMs, signal)
      if (signal.aborted) return
      const catalog = await this.look()
      if (catalog !== null) {
        log.info({}, 'The database is there.')
        onReady(catalog)
        return
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#looking
  }
}

async function prepare(preparation: Preparation): Promise<Catalog> {
  const { pool, directUrl, sources } = preparation
  await pool.capabilities()
  const status = await migrationStatus({ url: directUrl, sources })
  if (!status.current) throw notMigrated(status.entries)
  await withSession(directUrl, async (client) => {
    await checkRole(client)
    await assertTenantTables(client)
  })
  return loadCatalog(pool)
}

function notMigrated(entries: readonly { source: string; id: string; state: string }[]): Error {
  const open = entries.filter(({ state }) => state !== 'applied')
  const list = open.map(({ source, id, state }) => `\n  - ${source}/${id}: ${state}`).join('')
  return new HoldfastError('HF_MIGRATION_PENDING', `The database is not migrated:${list}\n`)
}

/** Refused before there was a session: wrong password or database name; no waiting mends those. */
const REFUSED_STATE = /^(28\w{3}|3D000|42501)$/

/** Network trouble, or a server that is starting, stopping or full. */
function isAway(error: unknown): boolean {
  if (!(error instanceof HoldfastError)) return error instanceof ConnectionLostError
  if (error.code !== 'HF_DATABASE_UNAVAILABLE' && error.code !== 'HF_POOL_EXHAUSTED') return false
  const code = (error.cause as { code?: unknown } | undefined)?.code
  return typeof code !== 'string' || !REFUSED_STATE.test(code)
}
