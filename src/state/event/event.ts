/**
 * Events: facts that a command states, appended to the log in its transaction.
 *
 * The position is drawn by the INSERT. It belongs into the closing batch, behind every statement that
 * may wait for a lock: then the log's order agrees with the order in which the rows of a key were
 * changed (migrations/0001_events.sql, store.ts for how the log is read).
 */

import { runAsLoops } from '../../database/as-loops.ts'
import type { MigrationSource } from '../../database/migrate/source.ts'
import type { Pool } from '../../database/pool.ts'
import type { Statement } from '../../database/statement.ts'
import { valuesList } from '../../database/values.ts'
import * as store from './store.ts'

export { isMoved } from './feed.ts'
export type {
  EventTrace,
  Move,
  ParkedEvent,
  ParkedFilter,
  StoredEvent,
  SubscriptionBacklog,
} from './store.ts'

export const eventMigrations: MigrationSource = {
  name: 'holdfast/event',
  directory: new URL('./migrations/', import.meta.url),
}

export interface NewEvent {
  /** That of the context: the policy of the table refuses any other. */
  readonly tenant: string
  readonly id: string
  readonly name: string
  readonly version: number
  /** Events of one key are handled in order. */
  readonly key?: string | undefined
  /** JSON text. */
  readonly payload: string
  readonly traceparent?: string | undefined
  readonly requestId?: string | undefined
  /** The operation, job or subscription that states it. */
  readonly cause?: string | undefined
}

/** For an INSERT INTO holdfast.events as holdfast_app. */
export const eventColumns =
  'tenant, id, name, version, key, payload, traceparent, request_id, cause'

export const EVENT_COLUMNS = 9

/** In the order of `eventColumns`. */
export function eventValues(event: NewEvent): unknown[] {
  return [
    event.tenant,
    event.id,
    event.name,
    event.version,
    event.key ?? null,
    event.payload,
    event.traceparent ?? null,
    event.requestId ?? null,
    event.cause ?? null,
  ]
}

/** Appends in the caller's transaction, in this order; `events` is not empty. */
export function appendEvents(events: readonly NewEvent[]): Statement {
  return {
    text: `INSERT INTO holdfast.events (${eventColumns}) VALUES ${valuesList(events.length, EVENT_COLUMNS)}`,
    values: events.flatMap(eventValues),
  }
}

/** The fence of whoever handles an event: it moves the subscription on, or raises (see `isMoved`). */
export function fenceOfMove(move: store.Move): Statement {
  return store.moveOrRaise(move)
}

/** Events that a subscription went past: failing ones, dead ones, and those that wait behind them. */
export const parkedEvents = {
  async list(pool: Pool, filter: store.ParkedFilter): Promise<readonly store.ParkedEvent[]> {
    const [rows] = await runAsLoops(pool, store.listParked(filter))
    return (rows?.rows ?? []) as unknown as readonly store.ParkedEvent[]
  },
  /** Lets them be tried again, with all their attempts; how many there were. */
  async replay(pool: Pool, filter: store.ParkedFilter): Promise<number> {
    const [rows] = await runAsLoops(pool, store.replayParked(filter))
    return rows?.rowCount ?? 0
  },
  /** Never to be handled by this subscription: what waited behind them goes on. */
  async discard(pool: Pool, filter: store.ParkedFilter): Promise<number> {
    const [rows] = await runAsLoops(pool, store.discardParked(filter))
    return rows?.rowCount ?? 0
  },
}

/** What requests of a tenant have stated, for `holdfast trace`. */
export function eventsOfRequests(tenant: string, requestIds: readonly string[]): Statement {
  return store.selectOfRequests(tenant, requestIds)
}

/** For metrics; few rows, each by key. */
export async function subscriptionBacklogs(
  pool: Pool,
): Promise<readonly store.SubscriptionBacklog[]> {
  const [rows] = await runAsLoops(pool, store.readBacklog)
  return (rows?.rows ?? []) as unknown as readonly store.SubscriptionBacklog[]
}
