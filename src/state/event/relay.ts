/**
 * Brings events to subscriptions: in order, one transaction each, no event skipped.
 *
 * A turn: take or renew the leases of the subscriptions, try parked events again, find out up to where
 * the log is complete, go on up to there. Subscriptions do not wait for each other. A lease only keeps
 * relays from doing the same work; that nothing is done twice rests on the fences (feed.ts).
 */
import { integerOption, optionError } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { uuidv7 } from '../../base/id.ts'
import { runAsLoops } from '../../database/as-loops.ts'
import type { Pool } from '../../database/pool.ts'
import type { Log } from '../../runtime/log.ts'
import { Lifecycle, Loop, type LoopSignals, type Runnable, type Turn } from '../../runtime/loop.ts'
import { isProcessGone, processName } from '../../runtime/process-liveness.ts'
import { type EventEnding, Feed, MovedError, type SubscriptionHandler } from './feed.ts'
import * as store from './store.ts'
import { Watermark } from './watermark.ts'

export type { EventTurn, SubscriptionHandler } from './feed.ts'

export interface RelayOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  readonly subscriptions: readonly SubscriptionHandler[]
  /** How soon an event is found that nobody woke this relay for. */
  readonly intervalMs?: number
  /**
   * How long after a crash another relay takes over, at the latest: one on the same machine sees that
   * the process is gone. Raised to twice the longest handler timeout.
   */
  readonly leaseMs?: number
  /** How long `stop` lets a handler go on before it is aborted. */
  readonly drainMs?: number
  /** An open transaction that has appended events is named in the log after so long. */
  readonly stallMs?: number
  /** A subscription with so many failing keys takes no new events until they recover. */
  readonly failingMax?: number
  readonly signals?: RelaySignals
}

/** Hooks for tests. */
export interface RelaySignals extends LoopSignals {
  eventEnded?(subscription: string, event: store.StoredEvent, ending: EventEnding): void
}

const bounds = {
  intervalMs: { min: 10, max: 60_000, default: 1_000, because: 'one cheap batch per interval' },
  leaseMs: {
    min: 1_000,
    max: 600_000,
    default: 20_000,
    because: 'a crash is taken over in this time',
  },
  drainMs: { min: 0, max: 600_000, default: 5_000, because: 'process managers kill after 30 s' },
  stallMs: { min: 10, max: 600_000, default: 5_000, because: 'a closing batch takes milliseconds' },
  failingMax: {
    min: 1,
    max: 100_000,
    default: 1_000,
    because:
      'where so many keys fail, the cause is not in the events, and parking more helps nobody',
  },
} as const

interface LeasedRow {
  readonly name: string
  readonly position: number
  readonly failing: number
  readonly due: boolean
}

export class Relay implements Runnable {
  readonly name = 'relay'
  readonly #options: RelayOptions
  /** A process may run several. */
  readonly #holder = `${uuidv7()}@${processName()}`
  readonly #leaseMs: number
  readonly #drainMs: number
  readonly #failingMax: number
  readonly #handlers: ReadonlyMap<string, SubscriptionHandler>
  readonly #feeds = new Map<string, Feed>()
  readonly #watermark: Watermark
  readonly #loop: Loop
  readonly #lifecycle: Lifecycle
  #registered = false

  constructor(options: RelayOptions) {
    const { pool, clock, log, signals } = options
    this.#options = options
    this.#handlers = byName(options.subscriptions)
    this.#leaseMs = leaseFor(options)
    this.#drainMs = integerOption('relay', 'drainMs', options.drainMs, bounds.drainMs)
    this.#failingMax = integerOption('relay', 'failingMax', options.failingMax, bounds.failingMax)
    const stallMs = integerOption('relay', 'stallMs', options.stallMs, bounds.stallMs)
    this.#watermark = new Watermark({ pool, clock, log, stallMs })
    this.#loop = new Loop({
      name: this.name,
      clock,
      log,
      intervalMs: integerOption('relay', 'intervalMs', options.intervalMs, bounds.intervalMs),
      turn: (signal) => this.#turn(signal),
      signals,
    })
    this.#lifecycle = new Lifecycle(
      () => this.#loop.start(),
      () => this.#end(),
    )
  }

  start(): void {
    this.#lifecycle.start()
  }

  /** Lets the events in hand end, and gives the leases back. */
  stop(): Promise<void> {
    return this.#lifecycle.stop()
  }

  runOnce(): Promise<Turn> {
    return this.#loop.runOnce()
  }

  wake(): void {
    this.#loop.wake()
  }

  /**
   * Makes sure that every subscription has its place in the log. Done by the first turn; whoever wants
   * a subscription `from: 'now'` to begin before the first request awaits it at start.
   */
  async register(): Promise<void> {
    if (this.#registered) return
    const { pool, subscriptions } = this.#options
    await refuseSequenceBehind(pool)
    const statements = subscriptions.map(({ name, from }) =>
      store.registerSubscription(name, from ?? 'start'),
    )
    if (statements.length > 0) await runAsLoops(pool, ...statements)
    this.#registered = true
  }

  async #end(): Promise<void> {
    const disarm = this.#options.clock.after(this.#drainMs, () => {
      for (const feed of this.#feeds.values()) feed.abort()
    })
    await this.#loop.stop()
    disarm()
    await this.#release()
  }

  async #release(): Promise<void> {
    if (this.#feeds.size === 0) return
    this.#feeds.clear()
    try {
      await runAsLoops(this.#options.pool, store.releaseSubscriptions(this.#holder))
    } catch (error) {
      this.#options.log.warn({ error }, 'A relay could not hand over; its leases will run out.')
    }
  }

  async #turn(signal: AbortSignal): Promise<Turn> {
    await this.register()
    const leased = await this.#leaseAll()
    const feeds = leased.map((row) => this.#feedFor(row))
    const parked = feeds.filter((_, index) => leased[index]?.due)
    const retried = await this.#onEach(parked, (feed) => feed.retryParked(signal))
    if (feeds.length === 0 || signal.aborted) return 'idle'
    const watermark = await this.#watermark.read(signal)
    if (watermark === undefined) return 'again'
    const open = feeds.filter((_, index) => !this.#isHeldBack(leased[index] as LeasedRow))
    const advanced = await this.#onEach(open, (feed) => feed.advance(watermark, signal))
    return [...retried, ...advanced].includes('again') ? 'again' : 'idle'
  }

  /** Those of relays that are known to be gone too. */
  async #leaseAll(): Promise<readonly LeasedRow[]> {
    const { leased, others } = await this.#lease()
    return (await this.#freeHeldByGone(others)) ? (await this.#lease()).leased : leased
  }

  async #freeHeldByGone(others: readonly string[]): Promise<boolean> {
    const gone = others.filter((holder) => isProcessGone(holder))
    if (gone.length === 0) return false
    const { pool, log } = this.#options
    log.warn({ relays: gone }, 'A relay was lost; its subscriptions are taken over.')
    await runAsLoops(pool, ...gone.map((holder) => store.releaseSubscriptions(holder)))
    return true
  }

  /** Who holds the `others` is asked on the same way, and only where some were not held before. */
  async #lease(): Promise<{
    readonly leased: readonly LeasedRow[]
    readonly others: readonly string[]
  }> {
    const names = [...this.#handlers.keys()]
    if (names.length === 0) return { leased: [], others: [] }
    const heldAll = this.#feeds.size === names.length
    const [, rows, holders] = await runAsLoops(
      this.#options.pool,
      store.leaseSubscriptions(names, this.#holder, this.#leaseMs),
      store.listLeased(names, this.#holder, this.#failingMax),
      ...(heldAll ? [] : [store.listOtherHolders(names, this.#holder)]),
    )
    const leased = (rows?.rows ?? []) as unknown as readonly LeasedRow[]
    const held = new Set(leased.map((row) => row.name))
    for (const name of this.#feeds.keys()) if (!held.has(name)) this.#feeds.delete(name)
    return { leased, others: (holders?.rows ?? []).map(({ holder }) => holder as string) }
  }

  #feedFor({ name, position }: LeasedRow): Feed {
    const known = this.#feeds.get(name)
    if (known !== undefined && known.position === position) return known
    const { pool, clock, log, signals } = this.#options
    const handler = this.#handlers.get(name) as SubscriptionHandler
    const eventEnded = signals?.eventEnded
    const feed = new Feed(
      { pool, clock, log, handler, holder: this.#holder, leaseMs: this.#leaseMs, eventEnded },
      position,
    )
    this.#feeds.set(name, feed)
    return feed
  }

  #isHeldBack({ name, failing }: LeasedRow): boolean {
    if (failing < this.#failingMax) return false
    const fields = { subscription: name, failing }
    this.#options.log.error(fields, 'Too many keys fail: a subscription takes no new events.')
    return true
  }

  /** All at once; an error of one ends the turn only when the others are through. */
  async #onEach(
    feeds: readonly Feed[],
    work: (feed: Feed) => Promise<Turn>,
  ): Promise<readonly Turn[]> {
    const results = await Promise.allSettled(feeds.map(work))
    const failures = results.filter((result) => result.status === 'rejected')
    for (const { reason } of failures) if (!this.#isMoved(reason)) throw reason
    return results.map((result) => (result.status === 'fulfilled' ? result.value : 'idle'))
  }

  /** The next turn reads the position again. */
  #isMoved(reason: unknown): boolean {
    if (!(reason instanceof MovedError)) return false
    this.#feeds.clear()
    this.#options.log.info({ error: reason }, 'Another relay has taken over a subscription.')
    return true
  }
}

function byName(
  subscriptions: readonly SubscriptionHandler[],
): ReadonlyMap<string, SubscriptionHandler> {
  const handlers = new Map(subscriptions.map((handler) => [handler.name, handler]))
  if (handlers.size < subscriptions.length) {
    throw optionError('relay', 'subscriptions', 'holds a name twice')
  }
  return handlers
}

/** A handler that outlives its lease would be run by two relays, one of them for nothing. */
function leaseFor(options: RelayOptions): number {
  const leaseMs = integerOption('relay', 'leaseMs', options.leaseMs, bounds.leaseMs)
  return Math.max(leaseMs, ...options.subscriptions.map((handler) => 2 * handler.timeoutMs))
}

/** A restore that has left the sequence out would give new events positions already passed. */
async function refuseSequenceBehind(pool: Pool): Promise<void> {
  // In this order: the sequence only grows.
  const [highest, sequence] = await runAsLoops(pool, store.readHighest, store.readSequence)
  const reached = highest?.rows[0]?.position as number
  if ((sequence?.rows[0]?.position as number) >= reached) return
  const mend = `SELECT setval('holdfast.event_position', ${reached})`
  throw new HoldfastError('HF_EVENT_LOG_BEHIND', `The log has reached ${reached}: ${mend}.`)
}
