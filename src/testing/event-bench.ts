/** What the tests of events set up again and again: effects in a table, handlers that write there. */

import { systemClock } from '../base/clock.ts'
import { uuidv7 } from '../base/id.ts'
import type { Pool } from '../database/pool.ts'
import type { Row } from '../database/statement.ts'
import { silentLog } from '../runtime/log.ts'
import { appendEvents, type NewEvent, type StoredEvent } from '../state/event/event.ts'
import {
  type EventTurn,
  Relay,
  type RelayOptions,
  type SubscriptionHandler,
} from '../state/event/relay.ts'
import { appTransaction, StateDatabase } from './state-database.ts'

export function newEvent(name: string, key?: string, payload: unknown = {}): NewEvent {
  const json = JSON.stringify(payload)
  return { tenant: 'acme', id: uuidv7(), name, version: 1, key, payload: json }
}

export function append(database: StateDatabase, ...events: readonly NewEvent[]): Promise<unknown> {
  return database.write('acme', appendEvents(events))
}

/** With a table `effects` in it: what handlers have done, in the order in which they did it. */
export async function eventDatabase(): Promise<StateDatabase> {
  const database = await StateDatabase.make()
  await database.pool.run([
    {
      text: `CREATE TABLE public.effects (
  done bigint GENERATED ALWAYS AS IDENTITY, subscription text NOT NULL, position bigint NOT NULL,
  key text, payload jsonb NOT NULL)`,
      values: [],
    },
  ])
  return database
}

export interface EffectOptions extends Partial<SubscriptionHandler> {
  /** Called inside the transaction; what it throws is the handler's failure. */
  readonly meanwhile?: (event: StoredEvent, turn: EventTurn) => Promise<void> | void
}

/** A handler as the app runs it: one SERIALIZABLE transaction, its write, and the closing statements. */
export function effectHandler(
  pool: Pool,
  name: string,
  events: readonly string[],
  options: EffectOptions = {},
): SubscriptionHandler {
  const { meanwhile, ...rest } = options
  const handle = (event: StoredEvent, turn: EventTurn) =>
    appTransaction(
      pool,
      event.tenant,
      async (tx) => {
        await tx.query({
          text: 'INSERT INTO public.effects (subscription, position, key, payload) VALUES ($1, $2, $3, $4)',
          values: [name, event.position, event.key, JSON.stringify(event.payload)],
        })
        await meanwhile?.(event, turn)
        tx.beforeCommit(() => turn.closing)
      },
      'serializable',
      turn.signal,
    )
  const limits = { timeoutMs: 10_000, attemptsMax: 3, backoff: { baseMs: 0, capMs: 0 } }
  return { name, events, handle, ...limits, ...rest }
}

export function newRelay(
  pool: Pool,
  subscriptions: readonly SubscriptionHandler[],
  more: Partial<RelayOptions> = {},
): Relay {
  return new Relay({ pool, clock: systemClock, log: silentLog, subscriptions, ...more })
}

export interface Effect {
  readonly position: number
  readonly key: string | null
  readonly payload: unknown
}

export async function effectsOf(database: StateDatabase, subscription: string): Promise<Effect[]> {
  const text =
    'SELECT position, key, payload FROM public.effects WHERE subscription = $1 ORDER BY done'
  const [rows] = await database.pool.run([{ text, values: [subscription] }])
  return (rows?.rows ?? []) as unknown as Effect[]
}

/** Turns until there is nothing left to do. */
export async function drain(relay: Relay): Promise<void> {
  while ((await relay.runOnce()) === 'again');
}

export async function ownerRows(database: StateDatabase, text: string): Promise<Row[]> {
  const [rows] = await database.pool.run([{ text, values: [] }])
  return rows?.rows ?? []
}
