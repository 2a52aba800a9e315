/**
 * GCRA, the token bucket without a timer (ITU-T I.371, annex A), as pure arithmetic.
 *
 * Terms. `intervalMs`: one token comes back per interval. `burst`: tokens in a full bucket.
 * `tatMs`: theoretical arrival time, the moment at which the bucket is full again. A *slot* is an
 * interval of the future that a token stands for: a token taken moves tat by one interval.
 *
 * A request at moment s may take the slot that starts at a where s <= a <= s + (burst - 1) * interval.
 * Slots are taken once, and lie one interval apart; so within any time W at most
 * burst + floor(W / interval) requests pass. Leases use the first half of the condition: who holds
 * slots and lets them go by has lost them, and the bucket has got them back.
 */
export interface Rate {
  readonly intervalMs: number
  readonly burst: number
}

export interface Ask {
  /** Tokens spent ahead of any lease: charged whatever the level. */
  readonly debt: number
  /** Tokens that are waited for. */
  readonly need: number
  /** Tokens to keep in stock; at most half of what is left after `need`. */
  readonly ahead: number
}

export interface Grant {
  readonly granted: number
  /** After the grant. The slots granted end here. */
  readonly tatMs: number
  /** The moment of the grant, by the same clock. */
  readonly nowMs: number
}

/** Cut off above so many bursts: see holdfast.lease_quotas. */
const LEVEL_BURSTS_MAX = 2

/** The same arithmetic as holdfast.lease_quotas; `tatMs` undefined for a subject never seen. */
export function grant(rate: Rate, tatMs: number | undefined, ask: Ask, nowMs: number): Grant {
  const highestMs = nowMs + LEVEL_BURSTS_MAX * rate.burst * rate.intervalMs
  const startMs = Math.max(Math.min(tatMs ?? nowMs, highestMs), nowMs)
  const chargedMs = startMs + ask.debt * rate.intervalMs
  const available = Math.max(0, tokens(rate, chargedMs, nowMs))
  const needed = Math.min(ask.need, available)
  const granted = needed + Math.min(ask.ahead, Math.floor((available - needed) / 2))
  return { granted, tatMs: chargedMs + granted * rate.intervalMs, nowMs }
}

/** Whole tokens in the bucket; negative where it was overdrawn. */
export function tokens(rate: Rate, tatMs: number, nowMs: number): number {
  return Math.floor(rate.burst - Math.max(0, tatMs - nowMs) / rate.intervalMs)
}

/** How long until `count` tokens (one or more) are in the bucket; 0 where they are. */
export function waitMs(rate: Rate, tatMs: number, nowMs: number, count = 1): number {
  return Math.max(0, tatMs - nowMs - (rate.burst - count) * rate.intervalMs)
}
