/**
 * Asks the database for tokens, for all accounts at once and one statement at a time.
 *
 * States. here -> away (a statement failed, or a waiter lost its patience) -> here (one succeeded).
 * While away nobody waits: accounts decide alone, and a turn per interval tries again.
 */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../runtime/log.ts'
import { Loop, type LoopSignals, type Turn } from '../../runtime/loop.ts'
import type { Account, AccountAsk } from './account.ts'
import type { Grant } from './gcra.ts'

/** One account's ask, as the store sends it. */
export interface LeaseRequest {
  readonly account: Account
  readonly ask: AccountAsk
}

/** Grants in the order of the requests. */
export type Lease = (requests: readonly LeaseRequest[]) => Promise<readonly Grant[]>

export interface LeaserOptions {
  readonly lease: Lease
  readonly clock: Clock
  readonly log: Log
  readonly signals?: LoopSignals | undefined
}

/** How long what nobody waits for may gather into one statement. */
const GATHER_MS = 10
/** Also the pause between two tries while the database is away. */
const INTERVAL_MS = 1_000
/** Some milliseconds of row locks per statement. */
const ACCOUNTS_MAX = 500
/** Beyond this the database is far behind; accounts decide alone rather than queue. */
const QUEUE_MAX = 10_000

export class Leaser {
  readonly loop: Loop
  readonly #options: LeaserOptions
  readonly #queue = new Set<Account>()
  #away = false
  #gathering = false

  constructor(options: LeaserOptions) {
    this.#options = options
    const { clock, log, signals } = options
    const turn = () => this.#turn()
    const intervalMs = INTERVAL_MS
    this.loop = new Loop({ name: 'quota leaser', clock, log, intervalMs, turn, signals })
  }

  get away(): boolean {
    return this.#away
  }

  get queued(): Iterable<Account> {
    return this.#queue
  }

  get queueLength(): number {
    return this.#queue.size
  }

  get hasRoom(): boolean {
    return this.#queue.size < QUEUE_MAX
  }

  /** Puts the account into the next statement. */
  add(account: Account): void {
    account.asking = true
    this.#queue.add(account)
    if (this.#away) return
    if (account.urgent) this.loop.wake()
    else this.#gather()
  }

  #gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    this.#options.clock.after(GATHER_MS, () => {
      this.#gathering = false
      this.loop.wake()
    })
  }

  async #turn(): Promise<Turn> {
    const requests = this.#takeRequests()
    if (requests.length === 0) return 'idle'
    const sentMs = this.#options.clock.monotonicMs()
    try {
      const grants = await this.#options.lease(requests)
      this.#settle(requests, grants, sentMs)
    } catch (error) {
      this.#fail(requests, error)
      return 'idle'
    }
    return this.#queue.size > 0 ? 'again' : 'idle'
  }

  #takeRequests(): LeaseRequest[] {
    const nowMs = this.#options.clock.monotonicMs()
    const accounts = [...this.#queue].slice(0, ACCOUNTS_MAX)
    for (const account of accounts) {
      this.#queue.delete(account)
      account.asking = account.needsAsking(nowMs)
    }
    const asking = accounts.filter((account) => account.asking)
    return asking.sort(byKey).map((account) => ({ account, ask: account.ask(nowMs) }))
  }

  #settle(requests: readonly LeaseRequest[], grants: readonly Grant[], sentMs: number): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#away) this.#options.log.info({}, 'Limits are counted in the database again.')
    this.#away = false
    requests.forEach(({ account, ask }, index) => {
      account.asking = this.#queue.has(account)
      account.settle(ask, grants[index] as Grant, sentMs, nowMs)
    })
  }

  #fail(requests: readonly LeaseRequest[], error: unknown): void {
    this.setAway(error)
    const nowMs = this.#options.clock.monotonicMs()
    for (const { account, ask } of requests) {
      account.asking = this.#queue.has(account)
      account.giveUp(ask, nowMs)
      if (account.debt > 0) this.add(account)
    }
  }

  setAway(error: unknown): void {
    if (this.#away) return
    this.#away = true
    this.#options.log.warn({ error }, 'Limits are counted in this process alone for now.')
  }
}

/** The same order in every process: rows are locked in it. */
function byKey(left: Account, right: Account): number {
  return compare(left.policy.name, right.policy.name) || compare(left.subject, right.subject)
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
