/**
 * Limits by subject, over all processes: GCRA in the database, tokens leased in the background.
 *
 * What holds. Let `interval` = window / count, W any span of time by the database's clock, P the
 * number of processes. Within W pass at most
 *
 *   burst + floor(W / interval)                    for `exact` policies and bursts below 20,
 *   burst + floor(W / interval) + P                for the others,
 *
 * the P being one request per process that may pass before the database has been asked; it is charged
 * afterwards, so in the long run no more than the rate passes. (A request that waited counts at the
 * moment at which the database granted it.) The other way round, a request may be refused too early
 * by what other processes hold in stock: at most a quarter of the burst each, and each slot of it
 * only until its time has passed, when it is back in the bucket. Nothing is ever handed back.
 *
 * While the database is away each process counts alone (`unavailable: 'local'`): P times the above.
 * A crash of the server gives each subject one burst more. A server clock that jumps forward gives
 * as much as the time it skipped; one that jumps back locks nobody out for more than two bursts.
 */
import { optionError, shown } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import type { Pool } from '../../database/pool.ts'
import type { Log } from '../../runtime/log.ts'
import type { LoopSignals, Runnable } from '../../runtime/loop.ts'
import { createPruner } from '../../runtime/pruner.ts'
import { Account, type Decision, type Waiter } from './account.ts'
import { type Lease, Leaser } from './leaser.ts'
import { type LimitPolicy, type PolicyFacts, policyFacts, samePolicy } from './policy.ts'
import { deleteFull, leaseFrom } from './store.ts'

export type { Decision } from './account.ts'
export type { LimitPolicy, Unavailable } from './policy.ts'
export { rateLimitHeader, rateLimitHeaders, rateLimitPolicyHeader } from './rate-limit-headers.ts'

export interface LimiterOptions {
  readonly pool: Pool
  readonly clock: Clock
  readonly log: Log
  readonly signals?: LoopSignals
}

export interface Limiter {
  /**
   * Counts one request. `subject` names whose requests are counted together and must hold the tenant
   * where there is one. Never rejects; waits 250 ms at the most, and mostly not at all.
   */
  check(policy: LimitPolicy, subject: string): Decision | Promise<Decision>
  /** Checks a policy when the app starts rather than at its first request. */
  declare(policy: LimitPolicy): void
  /** Start them with the app; without them every request waits and is then counted alone. */
  readonly loops: readonly Runnable[]
  metrics(): LimiterMetrics
}

export interface LimiterMetrics {
  readonly subjects: number
  readonly queued: number
  readonly waiting: number
  /** The database cannot be asked: limits hold per process. */
  readonly away: boolean
  readonly allowed: number
  readonly refused: number
}

export function createLimiter(options: LimiterOptions): Limiter {
  const { pool, clock, log, signals } = options
  const leases = new LeasedLimiter((requests) => leaseFrom(pool, requests), {
    clock,
    log,
    signals,
  })
  const pruner = createPruner({
    name: 'quota pruner',
    clock,
    log,
    prune: (rowsMax) => deleteFull(pool, rowsMax),
    intervalMs: PRUNE_INTERVAL_MS,
  })
  return {
    check: (policy, subject) => leases.check(policy, subject),
    declare: (policy) => leases.declare(policy),
    loops: [leases.loop, pruner],
    metrics: () => leases.metrics(),
  }
}

/** A full bucket and no row are the same: rows are dropped for their space alone. */
const PRUNE_INTERVAL_MS = 600_000
/** How long a request waits for the database before it is decided without it. */
const WAIT_MS_MAX = 250
/** Some 30 MB. Whoever is forgotten starts anew from what the database knows. */
const SUBJECTS_MAX = 100_000
/** More requests than this wait only while the database hangs. */
const WAITERS_MAX = 10_000
/** Longer subjects are a mistake; they would be kept in memory and in an index. */
const SUBJECT_LENGTH_MAX = 300

export interface LeasedLimiterOptions {
  readonly clock: Clock
  readonly log: Log
  readonly signals?: LoopSignals | undefined
  readonly subjectsMax?: number
}

/** Two generations: who was not seen while half the bound passed by is dropped with the older one. */
interface PolicyAccounts {
  readonly facts: PolicyFacts
  recent: Map<string, Account>
  older: Map<string, Account>
}

/** The limiter over any store of tokens. */
export class LeasedLimiter {
  readonly #clock: Clock
  readonly #leaser: Leaser
  readonly #generationMax: number
  readonly #policies = new Map<string, PolicyAccounts>()
  readonly #counters = { allowed: 0, refused: 0 }
  #recentCount = 0
  #waiting = 0

  constructor(lease: Lease, options: LeasedLimiterOptions) {
    const { clock, log, signals } = options
    this.#clock = clock
    this.#leaser = new Leaser({ lease, clock, log, signals })
    this.#generationMax = Math.ceil((options.subjectsMax ?? SUBJECTS_MAX) / 2)
  }

  get loop(): Runnable {
    return this.#leaser.loop
  }

  check(policy: LimitPolicy, subject: string): Decision | Promise<Decision> {
    const account = this.#account(this.#accountsOf(policy), subject)
    const nowMs = this.#clock.monotonicMs()
    const decision = this.#decideNow(account, nowMs)
    return decision === undefined ? this.#wait(account) : this.#count(decision)
  }

  declare(policy: LimitPolicy): void {
    this.#accountsOf(policy)
  }

  /** Undefined where the database has to be asked first. */
  #decideNow(account: Account, nowMs: number): Decision | undefined {
    if (account.take(nowMs)) {
      if (!account.asking && account.isLow(nowMs)) this.#leaser.add(account)
      return account.allowed(nowMs)
    }
    if (nowMs < account.blockedUntilMs) return account.refused(nowMs)
    if (this.#leaser.away || !this.#leaser.hasRoom) return this.#decideAlone(account, nowMs)
    if (account.policy.optimistic && account.debt === 0 && !account.asking) {
      return this.#spendAhead(account, nowMs)
    }
    if (!account.hasRoom) return account.refused(nowMs)
    return this.#waiting < WAITERS_MAX ? undefined : account.decideAlone(nowMs)
  }

  /** Keeps asking, so that the way back is found. */
  #decideAlone(account: Account, nowMs: number): Decision {
    if (!account.asking && this.#leaser.hasRoom) this.#leaser.add(account)
    return account.decideAlone(nowMs)
  }

  #spendAhead(account: Account, nowMs: number): Decision {
    account.debt++
    this.#leaser.add(account)
    return account.allowed(nowMs)
  }

  #wait(account: Account): Promise<Decision> {
    this.#waiting++
    return new Promise((resolve) => {
      const waiter: Waiter = {
        done: false,
        answer: (decision) => {
          waiter.done = true
          this.#waiting--
          stopWaiting()
          resolve(this.#count(decision))
        },
      }
      const stopWaiting = this.#clock.after(WAIT_MS_MAX, () =>
        this.#loseForbearance(account, waiter),
      )
      account.wait(waiter)
      this.#leaser.add(account)
    })
  }

  #loseForbearance(account: Account, waiter: Waiter): void {
    if (waiter.done) return
    this.#leaser.setAway(new Error(`No answer within ${WAIT_MS_MAX} ms.`))
    waiter.answer(account.decideAlone(this.#clock.monotonicMs()))
  }

  #count(decision: Decision): Decision {
    this.#counters[decision.allowed ? 'allowed' : 'refused']++
    return decision
  }

  #accountsOf(policy: LimitPolicy): PolicyAccounts {
    const known = this.#policies.get(policy.name)
    if (known === undefined) return this.#register(policy)
    if (known.facts.policy === policy || samePolicy(known.facts.policy, policy)) return known
    throw optionError(`limit ${shown(policy.name)}`, 'name', 'is taken by another policy')
  }

  #register(policy: LimitPolicy): PolicyAccounts {
    const accounts = { facts: policyFacts(policy), recent: new Map(), older: new Map() }
    this.#policies.set(policy.name, accounts)
    return accounts
  }

  #account(accounts: PolicyAccounts, subject: string): Account {
    const recent = accounts.recent.get(subject)
    if (recent !== undefined) return recent
    if (subject.length > SUBJECT_LENGTH_MAX) {
      const complaint = `has ${subject.length} characters and may have ${SUBJECT_LENGTH_MAX}`
      throw optionError(`limit ${shown(accounts.facts.name)}`, 'subject', complaint)
    }
    const account = accounts.older.get(subject) ?? new Account(accounts.facts, subject)
    if (this.#recentCount >= this.#generationMax) this.#turnGeneration()
    this.#keep(accounts, account)
    return account
  }

  #keep(accounts: PolicyAccounts, account: Account): void {
    if (accounts.recent.has(account.subject)) return
    accounts.recent.set(account.subject, account)
    this.#recentCount++
  }

  /** Who has a debt or somebody waiting is kept: a second account would spend ahead once more. */
  #turnGeneration(): void {
    this.#recentCount = 0
    for (const accounts of this.#policies.values()) {
      accounts.older = accounts.recent
      accounts.recent = new Map()
    }
    for (const account of this.#leaser.queued) {
      const accounts = this.#policies.get(account.policy.name)
      if (accounts !== undefined) this.#keep(accounts, account)
    }
  }

  metrics(): LimiterMetrics {
    let subjects = 0
    for (const { recent, older } of this.#policies.values()) {
      subjects += recent.size
      for (const subject of older.keys()) if (!recent.has(subject)) subjects++
    }
    const { queueLength: queued, away } = this.#leaser
    return { subjects, queued, waiting: this.#waiting, away, ...this.#counters }
  }
}
