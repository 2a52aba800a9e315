/**
 * What can be seen of the clients of a process: events as they happen, for spans and counters, and
 * the state of every client, for gauges.
 */
import type { TraceContext } from '../runtime/trace-context.ts'
import type { OutboundCode } from './outbound-error.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

/** One request that went out, ended. */
export interface AttemptEvent {
  readonly kind: 'attempt'
  readonly client: string
  /** `POST /v1/payments/{id}`. */
  readonly route: string
  readonly method: string
  readonly host: string
  /** 1 for the first. */
  readonly attempt: number
  /** The span that the dependency was told; its parent is the caller's. */
  readonly trace: TraceContext
  /** On whose behalf, where the caller's scope says so. */
  readonly requestId: string | undefined
  readonly tenant: string | undefined
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number
  readonly durationMs: number
  readonly status: number | undefined
  /** Why there is no status: a code, or `cancelled` where the caller went away. */
  readonly failure: OutboundCode | 'cancelled' | undefined
}

/** Not sent, or not sent again. */
export interface RefusedEvent {
  readonly kind: 'refused'
  readonly client: string
  readonly route: string
  readonly reason: 'open' | 'full' | 'budget'
}

export interface BreakerEvent {
  readonly kind: 'breaker'
  readonly client: string
  readonly state: BreakerState
}

/** An attempt that ended, a call that was not sent, or a breaker that changed. */
export type OutboundEvent = AttemptEvent | RefusedEvent | BreakerEvent
/** Hears of each event as it happens. It must not throw. */
export type OutboundListener = (event: OutboundEvent) => void

/** How one client stands at this moment. */
export interface OutboundState {
  readonly client: string
  readonly breaker: BreakerState
  readonly inFlight: number
  readonly waiting: number
  readonly retryTokens: number
}

interface Observed {
  state(): OutboundState
}

const listeners = new Set<OutboundListener>()
const clients = new Set<Observed>()

/** Listens to every client of the process; returns the way to stop. A listener must not throw. */
export function onOutbound(listener: OutboundListener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** How every client of the process stands. */
export function outboundStates(): readonly OutboundState[] {
  return [...clients].map((client) => client.state())
}

export function tellOutbound(event: OutboundEvent): void {
  for (const listener of listeners) listener(event)
}

/** Returns the way to be forgotten. */
export function observeClient(client: Observed): () => void {
  clients.add(client)
  return () => clients.delete(client)
}
