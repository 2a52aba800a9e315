/**
 * One subscription, as the relay that holds its lease works on it.
 *
 * Terms. The *position* is where the subscription stands in the database: everything up to it is
 * handled or parked. *Scanned* is how far the log was read without finding more for it; it is ahead of
 * the position and need not be kept. An event is *parked* when it failed, or when an earlier event of
 * its key is parked; the others go on.
 *
 * Each event is handled in a transaction that also moves the position from where this feed believes it
 * to be, or takes the event out of the parked ones; both raise where somebody else has done it. One
 * event at a time and in order, so the position and the parked rows are the inbox: an event is at or
 * below the position and not parked exactly when it was handled. A table of handled ids would say the
 * same again; it is needed where delivery is not by position, as from a broker.
 */
import { type Backoff, backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { HoldfastError, isFault } from '../../base/fault.ts'
import { fencedAsLoops, runAsLoops } from '../../database/as-loops.ts'
import type { Pool } from '../../database/pool.ts'
import { ConnectionLostError, hasState, sqlstate } from '../../database/sqlstate.ts'
import type { Statement } from '../../database/statement.ts'
import { runAbortable } from '../../runtime/abortable.ts'
import type { Log } from '../../runtime/log.ts'
import type { Turn } from '../../runtime/loop.ts'
import * as store from './store.ts'

export interface EventTurn {
  /**
   * Statements for the closing batch of the handler's transaction, before any that appends events.
   * They move the subscription on, or raise HF004 where it was moved already.
   */
  readonly closing: readonly Statement[]
  /** Aborts at the timeout, and when the relay has waited long enough to stop. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** How one subscription handles its events; handed in by whoever wires the app. */
export interface SubscriptionHandler {
  readonly name: string
  /** Names of the events it wants. */
  readonly events: readonly string[]
  /** Where it begins when it is new: with the whole log (default), or with what comes from now on. */
  readonly from?: 'start' | 'now'
  readonly timeoutMs: number
  readonly attemptsMax: number
  readonly backoff: Backoff
  /** One transaction in the tenant of the event, with `closing` in its closing batch. */
  handle(event: store.StoredEvent, turn: EventTurn): Promise<void>
}

export interface FeedOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  readonly handler: SubscriptionHandler
  readonly holder: string
  readonly leaseMs: number
  readonly eventEnded?:
    | ((subscription: string, event: store.StoredEvent, ending: EventEnding) => void)
    | undefined
}

export type EventEnding = 'handled' | 'parked' | 'moved'

/** Somebody else has moved the subscription; what we believe about it is worth nothing now. */
export class MovedError extends Error {
  constructor(subscription: string, cause: unknown) {
    super(`Subscription ${subscription} was moved by another relay.`, { cause })
    this.name = 'MovedError'
  }
}

/** Payloads are bounded, so a page is some hundred kilobytes at most. */
const PAGE_EVENTS_MAX = 100
/** Then other subscriptions and the lease get their turn. */
const PAGES_MAX = 20
const HEADS_MAX = 20
/** Reading this many events again after a crash takes a millisecond or two; not worth a write. */
const SCANNED_AHEAD_MAX = 1_000
const ABORT_GRACE_MS = 1_000

export class Feed {
  readonly #options: FeedOptions
  readonly #running = new Set<AbortController>()
  #position: number
  #scanned: number

  constructor(options: FeedOptions, position: number) {
    this.#options = options
    this.#position = position
    this.#scanned = position
  }

  get position(): number {
    return this.#position
  }

  /** Cuts short what is being handled. */
  abort(): void {
    for (const controller of this.#running) {
      controller.abort(new HoldfastError('HF_CANCELLED', 'The relay is being stopped.'))
    }
  }

  /** Tries parked events again that are due. */
  async retryParked(signal: AbortSignal): Promise<Turn> {
    const { pool, clock, handler, leaseMs } = this.#options
    const endMs = clock.monotonicMs() + leaseMs / 3
    const [rows] = await runAsLoops(pool, store.listDueHeads(handler.name, HEADS_MAX))
    const heads = (rows?.rows ?? []) as unknown as store.ParkedHead[]
    let handled = 0
    for (const head of heads) {
      if (signal.aborted || clock.monotonicMs() >= endMs) return 'again'
      if (await this.#retry(head)) handled++
    }
    // What waited behind a handled head is due now.
    return handled > 0 ? 'again' : 'idle'
  }

  async #retry(head: store.ParkedHead): Promise<boolean> {
    const { pool, handler } = this.#options
    const fence = store.unparkOrRaise(handler.name, head.position)
    const error = await this.#attempt(head, fence)
    if (error === undefined) return true
    const { attempts, position } = head
    const failure = {
      subscription: handler.name,
      position,
      attempts,
      ...this.#failed(error, attempts),
    }
    await runAsLoops(pool, store.recordFailure({ ...failure, attemptsMax: handler.attemptsMax }))
    this.#tell(head, error, attempts + 1)
    return false
  }

  /** Goes on in the log, up to the watermark. */
  async advance(watermark: number, signal: AbortSignal): Promise<Turn> {
    for (let page = 0; page < PAGES_MAX; page++) {
      const events = await this.#page(watermark)
      await this.#takeAll(events, signal)
      if (signal.aborted) return 'idle'
      const last = events.at(-1)
      this.#scanned = events.length < PAGE_EVENTS_MAX || !last ? watermark : last.position
      if (this.#scanned === watermark) return this.#finish()
    }
    return 'again'
  }

  async #page(watermark: number): Promise<readonly store.ReadEvent[]> {
    const after = Math.max(this.#position, this.#scanned)
    if (after >= watermark) return []
    const { pool, handler } = this.#options
    const page = { subscription: handler.name, names: handler.events, after, upTo: watermark }
    const [rows] = await runAsLoops(pool, store.readPage({ ...page, eventsMax: PAGE_EVENTS_MAX }))
    return (rows?.rows ?? []) as unknown as readonly store.ReadEvent[]
  }

  async #takeAll(events: readonly store.ReadEvent[], signal: AbortSignal): Promise<void> {
    const parkedKeys = new Set<string>()
    for (const event of events) {
      if (signal.aborted) return
      const key = event.key === null ? undefined : JSON.stringify([event.tenant, event.key])
      const waits = event.behind || (key !== undefined && parkedKeys.has(key))
      const handled = waits ? await this.#waitBehind(event) : await this.#take(event)
      if (!handled && key !== undefined) parkedKeys.add(key)
    }
  }

  async #take(event: store.ReadEvent): Promise<boolean> {
    const error = await this.#attempt(event, store.moveOrRaise(this.#moveTo(event.position)))
    if (error !== undefined) {
      await this.#park(event, { attempts: 1, ...this.#failed(error, 0) })
      this.#tell(event, error, 1)
      return false
    }
    this.#position = event.position
    return true
  }

  async #waitBehind(event: store.ReadEvent): Promise<boolean> {
    await this.#park(event, { attempts: 0, delayMs: 0, error: null })
    return false
  }

  async #park(event: store.ReadEvent, failed: Omit<store.Parking, 'attemptsMax'>): Promise<void> {
    const parking = { ...failed, attemptsMax: this.#options.handler.attemptsMax }
    const statement = store.parkOrRaise(this.#moveTo(event.position), event, parking)
    await this.#moving(runAsLoops(this.#options.pool, statement))
    this.#position = event.position
    this.#options.eventEnded?.(this.#options.handler.name, event, 'parked')
  }

  /** The log holds nothing more for us: far enough ahead, that is worth remembering. */
  async #finish(): Promise<Turn> {
    if (this.#scanned - this.#position >= SCANNED_AHEAD_MAX) {
      const statement = store.moveOrRaise(this.#moveTo(this.#scanned))
      await this.#moving(runAsLoops(this.#options.pool, statement))
      this.#position = this.#scanned
    }
    return 'idle'
  }

  #moveTo(to: number): store.Move {
    const { handler, holder, leaseMs } = this.#options
    return { subscription: handler.name, from: this.#position, to, holder, leaseMs }
  }

  async #moving(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (isMoved(error)) throw new MovedError(this.#options.handler.name, error)
      throw error
    }
  }

  /** The error that the event is to be blamed for; any other is thrown. */
  async #attempt(event: store.StoredEvent, fence: Statement): Promise<unknown> {
    const { handler, eventEnded } = this.#options
    const controller = new AbortController()
    this.#running.add(controller)
    try {
      await this.#handle(event, fencedAsLoops(fence), controller)
      eventEnded?.(handler.name, event, 'handled')
      return undefined
    } catch (error) {
      if (isMoved(error)) eventEnded?.(handler.name, event, 'moved')
      if (isMoved(error)) throw new MovedError(handler.name, error)
      if (isNotItsFault(error) || isFault(controller.signal.reason, 'HF_CANCELLED')) throw error
      return controller.signal.aborted ? controller.signal.reason : error
    } finally {
      this.#running.delete(controller)
    }
  }

  #handle(
    event: store.StoredEvent,
    closing: readonly Statement[],
    controller: AbortController,
  ): Promise<void> {
    const { handler, clock } = this.#options
    const { timeoutMs } = handler
    const timeoutFault = () =>
      new HoldfastError('HF_DEADLINE_EXCEEDED', `Subscription ${handler.name} took too long.`)
    const limits = { clock, controller, timeoutMs, timeoutFault, graceMs: ABORT_GRACE_MS }
    const { signal } = controller
    return runAbortable(limits, async () => handler.handle(event, { closing, signal, timeoutMs }))
  }

  #failed(error: unknown, attempts: number) {
    return {
      delayMs: backoffMs(this.#options.handler.backoff, attempts + 1),
      error: String(error).replaceAll('\0', '').slice(0, ERROR_LENGTH_MAX),
    }
  }

  #tell(event: store.StoredEvent, error: unknown, attempts: number): void {
    const { log, handler } = this.#options
    const { name, id, position, tenant, key, requestId } = event
    const fields = { subscription: handler.name, event: name, id, position, tenant, key, requestId }
    const dead = attempts >= handler.attemptsMax
    if (dead) log.error({ ...fields, attempts, error }, 'An event is a dead letter; its key waits.')
    else log.warn({ ...fields, attempts, error }, 'An event failed and is parked.')
  }
}

const ERROR_LENGTH_MAX = 2_000

/** However often it was wrapped on its way here. */
export function isMoved(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (hasState(at, sqlstate.positionMoved)) return true
  }
  return false
}

/** Another event would have met the same: nothing is parked for it, the whole turn is repeated. */
function isNotItsFault(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return true
  return (
    isFault(error, 'HF_DATABASE_UNAVAILABLE') ||
    isFault(error, 'HF_POOL_EXHAUSTED') ||
    isFault(error, 'HF_COMMIT_UNKNOWN')
  )
}
