/**
 * One command in one schedule.
 *
 * States: it runs (its own code is at work), it is gated (it has sent a message, which waits for its
 * turn), its message is in flight (and may be blocked in the server), or it is done. Messages that
 * it sends side by side (`Promise.all`) go in the order of their calls.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Footprint } from '../footprint/footprint.ts'
import type { RaceEffect } from '../race.ts'
import type { GatedClient } from './gated-pool.ts'
import { userPlace } from './trail.ts'
import { CommandWorld } from './world.ts'

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }

/** What a command waits for. */
export interface Message {
  readonly sql: string
  readonly values: readonly unknown[]
  /** Undefined: a timer of the command, which may run out at any moment, or a call to the outside. */
  readonly client: GatedClient | undefined
  /** Of a call to the outside. */
  readonly footprint?: Footprint
  /** Where the command sent it; only told in a run that is shown. */
  readonly place: string | undefined
  send(): Promise<Answer>
  /** Hands the answer to the command. */
  deliver(answer: Answer): void
}

export interface Flight {
  readonly message: Message
  answer: Answer | undefined
  blocked: boolean
  /** Process ids of the sessions that it waited for. */
  waitedFor: readonly number[]
}

export interface RecordedEffect {
  readonly command: string
  readonly kind: string
  readonly effect: RaceEffect
  /** A transaction of the command was open, and held locks. */
  readonly inTransaction: boolean
  /** Steps that had gone before. */
  readonly step: number
}

/** The command whose code is at work, if any. */
export const currentSession = new AsyncLocalStorage<Session>()

/** Runs outside of every command: what the explorer itself does is not a command's doing. */
export const outside = AsyncLocalStorage.snapshot()

const nextTurn = setImmediate
const later = setTimeout
const notLater = clearTimeout

function answerOf(act: () => unknown): Answer {
  try {
    return { ok: true, value: act() }
  } catch (error) {
    return { ok: false, error }
  }
}

export const HAND_IN =
  'Hand that in as a function which answers at once, and state it with world.effect(...).'

export function atPlace(place: string | undefined): string {
  return place === undefined ? '' : ` at ${place}`
}

/** Code that does nothing but compute and await its own promises is through after a few turns. */
const TURNS_MAX = 20
const REFUSED_MAX = 20
/** What a command waits for besides its timer comes within this, or after the timer. */
const TIMER_GRACE_MS = 5
/** A timer this long is rather the guard of something, as drivers set it while they load or connect. */
const GUARD_MS = 1_000
const GUARD_GRACE_MS = 1_000

export class Session {
  readonly name: string
  readonly index: number
  /** Whether the places that messages come from are looked up. */
  readonly traced: boolean
  readonly world: CommandWorld
  readonly queue: Message[] = []
  /** Timers that the command has set, in the order in which they run out. */
  readonly timers: { readonly atMs: number; readonly message: Message }[] = []
  flight: Flight | undefined
  result: Answer | undefined
  /** What makes this schedule worthless, in words for the user. */
  complaint: string | undefined
  /** Where the last message came from. */
  lastPlace: string | undefined
  #onChange = () => {}
  #abandoned = false
  #refused = 0

  constructor(name: string, index: number, traced: boolean) {
    this.name = name
    this.index = index
    this.traced = traced
    this.world = new CommandWorld(name)
  }

  start(command: () => Promise<unknown>): void {
    currentSession.run(this, () => {
      new Promise((resolve) => resolve(command())).then(
        (value) => this.#end({ ok: true, value }),
        (error: unknown) => this.#end({ ok: false, error }),
      )
    })
  }

  enqueue(message: Message): void {
    if (this.#abandoned) this.#refuse(message)
    else this.queue.push(message)
    this.#onChange()
  }

  /** A call to the outside, answered when its turn has come. */
  callOutside<T>(name: string, footprint: Footprint, act: () => T): Promise<T> {
    const place = this.traced ? userPlace() : undefined
    return new Promise<T>((resolve, reject) => {
      const send = async () => answerOf(act)
      const deliver = (answer: Answer) =>
        answer.ok ? resolve(answer.value as T) : reject(answer.error)
      this.enqueue({
        sql: `(${name})`,
        values: [],
        client: undefined,
        footprint,
        place,
        send,
        deliver,
      })
    })
  }

  /** Sets a timer; returns the way to clear it. */
  setTimer(delayMs: number, place: string | undefined, run: () => void): () => void {
    const atMs = this.world.nowMs + delayMs
    const deliver = () => {
      this.world.nowMs = Math.max(this.world.nowMs, atMs)
      run()
    }
    const send = async (): Promise<Answer> => ({ ok: true, value: undefined })
    const sql = `(${delayMs} ms pass)`
    const timer = { atMs, message: { sql, values: [], client: undefined, place, send, deliver } }
    const later = this.timers.findIndex((other) => other.atMs > atMs)
    this.timers.splice(later < 0 ? this.timers.length : later, 0, timer)
    this.#onChange()
    return () => {
      const place = this.timers.indexOf(timer)
      if (place >= 0) this.timers.splice(place, 1)
    }
  }

  /** Nobody waits for it any more: what it still asks is refused, so that its code comes to an end. */
  abandon(): void {
    this.#abandoned = true
    for (const message of this.queue.splice(0)) this.#refuse(message)
    this.timers.length = 0
  }

  #refuse(message: Message): void {
    this.#refused += 1
    // A command that tries again for ever is left hanging: nothing of it can run any more.
    if (this.#refused > REFUSED_MAX) return
    nextTurn(() => message.deliver({ ok: false, error: new Error('The schedule has ended.') }))
  }

  complain(complaint: string): void {
    this.complaint ??= complaint
    this.#onChange()
  }

  get done(): boolean {
    return this.result !== undefined
  }

  /** What it would do next; undefined while it is blocked, at work or done. */
  get next(): Message | undefined {
    if (this.flight !== undefined || this.done) return undefined
    return this.queue[0] ?? this.timers[0]?.message
  }

  takeNext(): Message {
    return (this.queue.shift() ?? this.timers.shift()?.message) as Message
  }

  /** Resolves when the command is gated or done, false where it is neither within the time. */
  async settle(timeoutMs: number): Promise<boolean> {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      await new Promise<void>((resolve) => nextTurn(resolve))
      if (this.#isSettled()) return true
    }
    if (this.timers.length === 0) return this.#settleLate(timeoutMs)
    await this.#settleLate(this.#timerMs < GUARD_MS ? TIMER_GRACE_MS : GUARD_GRACE_MS)
    return true
  }

  /** Until the next timer runs out. */
  get #timerMs(): number {
    return (this.timers[0]?.atMs ?? 0) - this.world.nowMs
  }

  #isSettled(): boolean {
    return this.queue.length > 0 || this.done || this.complaint !== undefined
  }

  #settleLate(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (settled: boolean) => {
        notLater(timer)
        this.#onChange = () => {}
        resolve(settled)
      }
      const timer = later(() => end(this.timers.length > 0), timeoutMs)
      this.#onChange = () => {
        if (this.#isSettled()) end(true)
      }
    })
  }

  #end(result: Answer): void {
    this.result = result
    this.timers.length = 0
    this.#onChange()
  }
}
