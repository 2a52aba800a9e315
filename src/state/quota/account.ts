/**
 * One subject under one policy, as this process knows it.
 *
 * Terms. `stock`: slots leased and not yet taken. `debt`: tokens spent before any lease, which the
 * next statement charges. `waiters`: requests that wait for the next statement's answer.
 * All times by clock.monotonicMs; what the database says is moved by (moment sent - its now), so that
 * its time is never taken for earlier than it is, and no slot is used after it has passed.
 */
import { type Ask, type Grant, tokens, waitMs } from './gcra.ts'
import type { PolicyFacts } from './policy.ts'
import { Stock } from './stock.ts'

/** The outcome of one request, with what the headers tell. */
export interface Decision {
  readonly allowed: boolean
  readonly policyName: string
  /** Tokens in a full bucket. */
  readonly quota: number
  /** Seconds in which an empty bucket fills. */
  readonly windowS: number
  /** Requests that would pass now, as far as this process knows. */
  readonly remaining: number
  /** Seconds until `remaining` grows; 0 where the bucket is full. */
  readonly resetS: number
  /** Seconds to wait before the next try, at least 1; 0 where the request is allowed. */
  readonly retryAfterS: number
}

export interface Waiter {
  /** Set when the waiter was answered, or gave up waiting. */
  done: boolean
  answer(decision: Decision): void
}

/** What one account asks for in one statement. */
export interface AccountAsk extends Ask {
  readonly waiters: readonly Waiter[]
}

/** Asking more often than this, the chunk doubles; less often than four times this, it halves. */
const LEASE_MS_AIM = 1_000
/** A subject at its limit costs at most one statement in so much time; tokens gather meanwhile. */
const EMPTY_PACE_MS = 10

export class Account {
  readonly policy: PolicyFacts
  readonly subject: string
  debt = 0
  /** In the queue, or in a statement that is under way. */
  asking = false
  /** Before this the database has nothing to grant. */
  blockedUntilMs = Number.NEGATIVE_INFINITY
  readonly #stock: Stock
  #waiters: Waiter[] = []
  #tatMs = Number.NEGATIVE_INFINITY
  #chunk = 1
  #askedMs = Number.NEGATIVE_INFINITY
  /** Counted without the database, while it is away. */
  #aloneTatMs = Number.NEGATIVE_INFINITY

  constructor(policy: PolicyFacts, subject: string) {
    this.policy = policy
    this.subject = subject
    this.#stock = new Stock(policy.rate.intervalMs)
  }

  take(nowMs: number): boolean {
    return this.#stock.take(nowMs)
  }

  /** Time to ask for more, while there is still some. */
  isLow(nowMs: number): boolean {
    return this.#stock.count(nowMs) * 2 <= this.#chunk && nowMs >= this.blockedUntilMs
  }

  /** More than a full bucket can never be answered with yes. */
  get hasRoom(): boolean {
    return this.#waiters.length < this.policy.rate.burst
  }

  get urgent(): boolean {
    return this.#waiters.length > 0
  }

  needsAsking(nowMs: number): boolean {
    return this.urgent || this.debt > 0 || this.isLow(nowMs)
  }

  wait(waiter: Waiter): void {
    this.#waiters.push(waiter)
  }

  ask(nowMs: number): AccountAsk {
    this.#adaptChunk(nowMs)
    const waiters = this.#waiters.filter((waiter) => !waiter.done)
    const ask = { debt: this.debt, need: waiters.length, ahead: this.#chunk, waiters }
    this.#waiters = []
    return ask
  }

  #adaptChunk(nowMs: number): void {
    const sinceMs = nowMs - this.#askedMs
    this.#askedMs = nowMs
    if (sinceMs < LEASE_MS_AIM) this.#chunk *= 2
    else if (sinceMs > LEASE_MS_AIM * 4) this.#chunk = Math.max(1, this.#chunk >> 1)
    this.#chunk = Math.min(this.#chunk, this.policy.chunkMax)
  }

  /** The database has answered. Waiters first, the rest into stock. */
  settle(ask: AccountAsk, grant: Grant, sentMs: number, nowMs: number): void {
    const { rate, exact } = this.policy
    const shiftMs = sentMs - grant.nowMs
    this.debt -= ask.debt
    this.#tatMs = grant.tatMs + shiftMs
    const emptyMs = waitMs(rate, grant.tatMs, grant.nowMs)
    const paceMs = grant.granted === 0 && !exact ? EMPTY_PACE_MS : 0
    this.blockedUntilMs = emptyMs > 0 ? nowMs + Math.max(emptyMs, paceMs) : nowMs
    const waiting = ask.waiters.filter((waiter) => !waiter.done)
    const served = Math.min(waiting.length, grant.granted)
    const left = grant.granted - served
    this.#stock.add(this.#tatMs - left * rate.intervalMs, left)
    waiting.forEach((waiter, index) => {
      waiter.answer(index < served ? this.allowed(nowMs) : this.refused(nowMs))
    })
    this.#serveFromStock(nowMs)
  }

  /** Who came while the statement was under way need not wait for another one. */
  #serveFromStock(nowMs: number): void {
    this.#waiters = this.#waiters.filter((waiter) => !waiter.done)
    while (this.#waiters.length > 0 && this.take(nowMs)) {
      this.#waiters.shift()?.answer(this.allowed(nowMs))
    }
  }

  /** The database could not be asked: who waited is answered without it. */
  giveUp(ask: AccountAsk, nowMs: number): void {
    for (const waiter of ask.waiters) if (!waiter.done) waiter.answer(this.decideAlone(nowMs))
  }

  /** GCRA in this process alone, or what the policy says instead. */
  decideAlone(nowMs: number): Decision {
    const { unavailable, rate } = this.policy
    if (unavailable === 'allow') return this.allowed(nowMs)
    if (unavailable === 'refuse') return this.refused(nowMs)
    const tatMs = Math.max(this.#aloneTatMs, this.#tatMs)
    if (tokens(rate, tatMs, nowMs) < 1) return this.refused(nowMs, waitMs(rate, tatMs, nowMs))
    this.#aloneTatMs = Math.max(tatMs, nowMs) + rate.intervalMs
    return this.#decision(nowMs, this.#aloneTatMs, 0)
  }

  allowed(nowMs: number): Decision {
    return this.#decision(nowMs, this.#chargedTatMs(nowMs), 0)
  }

  /** `afterMs`: when the next try may succeed. */
  refused(nowMs: number, afterMs = this.blockedUntilMs - nowMs): Decision {
    const retryAfterS = Math.max(1, Math.ceil(afterMs / 1000))
    return this.#decision(nowMs, this.#chargedTatMs(nowMs), retryAfterS)
  }

  /** With what is spent and not yet charged, and without what is charged and not yet spent. */
  #chargedTatMs(nowMs: number): number {
    const spent = this.debt - this.#stock.count(nowMs)
    return Math.max(this.#tatMs, nowMs) + spent * this.policy.rate.intervalMs
  }

  #decision(nowMs: number, tatMs: number, retryAfterS: number): Decision {
    const { rate, name, windowS } = this.policy
    const { intervalMs, burst } = rate
    const allowed = retryAfterS === 0
    const remaining = allowed ? Math.min(burst, Math.max(0, tokens(rate, tatMs, nowMs))) : 0
    const moreMs = waitMs(rate, tatMs, nowMs, Math.min(burst, remaining + 1))
    const resetS = allowed ? Math.ceil(Math.min(moreMs, burst * intervalMs) / 1000) : retryAfterS
    return { allowed, policyName: name, quota: burst, windowS, remaining, resetS, retryAfterS }
  }
}
