/**
 * One schedule: all commands from the seed to their ends, one message at a time, in the order that
 * a chooser gives.
 *
 * A message that the server makes wait is blocked, as its lock tables say (never by how long it
 * takes); the others go on. Whoever is let go by a step is part of that step: its answer is handed
 * over before the next message is chosen.
 */
import type pg from 'pg'
import { type Clock, pause, systemClock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import type { Arena, Contents } from '../arena/arena.ts'
import type { TransactionStatus } from '../footprint/connection.ts'
import { EVERYTHING, type Footprint, NOTHING } from '../footprint/footprint.ts'
import type { Statements } from '../footprint/statements.ts'
import type { Race } from '../race.ts'
import { type GatedClient, GatedPool } from './gated-pool.ts'
import { Outside } from './outside.ts'
import {
  type Answer,
  type Flight,
  HAND_IN,
  type Message,
  type RecordedEffect,
  Session,
} from './session.ts'
import { followTrail } from './trail.ts'

/** A command that could go now. */
export interface Ready {
  readonly session: number
  readonly sql: string
  /** As its text and its transaction say, before it is sent. */
  readonly footprint: Footprint
}

export interface Chooser {
  /** The next to go; undefined ends the schedule here. `last`: who went before. */
  choose(ready: readonly Ready[], last: number | undefined): number | undefined
  /** It went; the footprint is what the server did with it. */
  went(session: number, footprint: Footprint, ready: readonly Ready[]): void
}

export interface Step {
  readonly session: number
  readonly sql: string
  readonly values: readonly unknown[]
  readonly place: string | undefined
  /** What the text says that it touches: `all` where that is not known. */
  readonly footprint: Footprint
  /** Ordinal of its transaction on its connection, for telling transactions apart. */
  readonly transaction: string
  /** Chosen while another could go on that had gone before. */
  readonly preempts: boolean
  /** Commands that it waited for. */
  waitedFor: readonly number[]
  /** The step at which its answer came; its own place unless it was blocked. */
  answeredAt: number
  answer: Answer | undefined
}

export interface ScheduleResult {
  readonly steps: readonly Step[]
  /** Which commands ran. */
  readonly commands: readonly number[]
  /** By command; undefined for one that did not run or did not end. */
  readonly results: readonly (Answer | undefined)[]
  readonly effects: readonly RecordedEffect[]
  readonly contents: Contents
  /** False: the chooser ended it. */
  readonly complete: boolean
  /** What makes it worthless. */
  readonly complaint: string | undefined
  readonly selfDeadlock: string | undefined
  /** Texts that did what does not show in them: locked more, or failed and gave back all locks. */
  readonly distrusted: readonly string[]
  /** A command had more than one connection. */
  readonly crowded: boolean
}

export interface ScheduleOptions {
  readonly arena: Arena
  readonly statements: Statements
  readonly race: Race
  readonly chooser: Chooser
  /** Which commands run. */
  readonly commands: readonly number[]
  /** Chooses even where the order cannot matter. */
  readonly exhaustive?: boolean
  /** To be shown: looks up the places that messages come from, and lets nobody go before its turn. */
  readonly traced?: boolean
  /** Called behind each step that published something. */
  readonly onPublished?: (step: number) => Promise<void>
  readonly clock?: Clock
}

/** A command of hundreds of statements is a batch job; more is a loop without an end. */
const STEPS_MAX = 1_000
/** Time for what a command does besides its database: its own computations, a loopback request. */
const SETTLE_TIMEOUT_MS = 3_000
/** A deadlock is found 1 ms after the wait began; a busy machine may need a moment. */
const DEADLOCK_CHECK_MS = 3
const DEADLOCK_TIMEOUT_MS = 4_000
/** How often a command may let time pass while others could go on and do not. */
const IDLE_TIMERS_MAX = 2
const POLL_MS = 1

export function runSchedule(options: ScheduleOptions): Promise<ScheduleResult> {
  return new Schedule(options).run()
}

class Schedule {
  readonly #options: ScheduleOptions
  readonly #clock: Clock
  readonly #sessions: readonly Session[]
  readonly #pools: readonly GatedPool[]
  readonly #steps: Step[] = []
  readonly #outside = new Outside()
  readonly #flights = new Map<Session, { flight: Flight; step: Step }>()
  readonly #distrusted: string[] = []
  /** Length of the transaction whose locks were compared last. */
  readonly #checked = new Map<GatedClient, number>()
  /** How often a command let time pass since another went. */
  readonly #idle = new Map<Session, number>()
  #last: number | undefined
  /** Who has begun its turn with messages that do not count. */
  #turn: number | undefined
  #complete = true
  #selfDeadlock: string | undefined
  #blockedSinceMs = 0
  #onAnswer = () => {}

  constructor(options: ScheduleOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    const { race, traced = false, commands, arena, statements } = options
    this.#sessions = commands.map((index) => new Session(race.commands[index] ?? '', index, traced))
    this.#pools = this.#sessions.map(
      (session) => new GatedPool(session, statements, (seat) => arena.seat(session.index, seat)),
    )
  }

  async run(): Promise<ScheduleResult> {
    using _trail = this.#options.traced ? followTrail() : undefined
    for (const [at, session] of this.#sessions.entries()) this.#start(session, this.#pools[at])
    for (const session of this.#sessions) await this.#settle(session)
    while (this.#complaint === undefined && (await this.#step()));
    const result = {
      steps: this.#steps,
      commands: this.#options.commands,
      results: this.#options.race.commands.map(
        (_, command) => this.#sessions.find(({ index }) => index === command)?.result,
      ),
      effects: this.#outside.effects,
      complete: this.#complete,
      complaint: this.#complaint,
      selfDeadlock: this.#selfDeadlock,
      distrusted: this.#distrusted,
      crowded: this.#pools.some(({ totalCount }) => totalCount > 1),
    }
    await this.#tidy()
    return { ...result, contents: await this.#options.arena.contents() }
  }

  get #complaint(): string | undefined {
    return this.#sessions.find(({ complaint }) => complaint !== undefined)?.complaint
  }

  #start(session: Session, pool: GatedPool | undefined): void {
    const command = this.#options.race.run[session.name]
    const world = this.#outside.worldOf({
      session,
      holds: () => pool?.clients.some(({ connection }) => connection.holds) === true,
      steps: () => this.#steps.length,
    })
    session.start(async () => command?.(pool as unknown as pg.Pool, world))
  }

  async #settle(session: Session): Promise<void> {
    if (await session.settle(SETTLE_TIMEOUT_MS)) return
    session.complain(
      `${session.name} waits for something that is no message to its database (a request, a file, another command in this process)` +
        `${session.lastPlace === undefined ? '' : `, behind ${session.lastPlace}`}. ` +
        HAND_IN,
    )
  }

  /** Sends one message; false at the end. */
  async #step(): Promise<boolean> {
    const ready = this.#ready()
    if (ready.length === 0) return this.#waitForDeadlock()
    if (this.#steps.length >= STEPS_MAX) return this.#endless()
    const quiet = ready.find(({ footprint, sql }) => this.#isQuiet(footprint, sql))
    if (quiet !== undefined && this.#options.traced !== true) {
      await this.#go(quiet, ready, false)
      return true
    }
    const chosen = this.#turn ?? this.#options.chooser.choose(ready, this.#last)
    const found = ready.find(({ session }) => session === chosen)
    if (found === undefined) {
      this.#complete = this.#turn !== undefined
      this.#turn = undefined
      return this.#complete
    }
    // What nobody can tell the place of stands, in a trace, before the next of its command.
    const isFirst = this.#turn === undefined
    this.#turn = this.#isQuiet(found.footprint, found.sql) ? found.session : undefined
    if (this.#turn !== undefined) {
      await this.#go(found, ready, isFirst && this.#preempts(found, ready))
      return true
    }
    const footprint = await this.#go(found, ready, isFirst && this.#preempts(found, ready))
    this.#last = found.session
    this.#options.chooser.went(found.session, footprint, ready)
    return true
  }

  #preempts({ session: chosen }: Ready, ready: readonly Ready[]): boolean {
    const last = this.#last
    return last !== undefined && last !== chosen && ready.some(({ session }) => session === last)
  }

  /** Nobody can tell when it goes: it goes at once. */
  #isQuiet(footprint: Footprint, sql: string): boolean {
    return footprint.none && (this.#options.exhaustive !== true || sql.startsWith('('))
  }

  #ready(): Ready[] {
    const waiting = this.#sessions.filter((session) => session.next !== undefined)
    const fair = waiting.filter((session) => !this.#isSpinning(session))
    return (fair.length > 0 ? fair : waiting).map((session) => {
      const message = session.next as Message
      const footprint =
        message.client?.connection.footprint(message.sql, message.values) ??
        message.footprint ??
        NOTHING
      return { session: session.index, sql: message.sql, footprint }
    })
  }

  /** It lets time pass again and again: the others have to go on now. */
  #isSpinning(session: Session): boolean {
    return isTimer(session.next) && (this.#idle.get(session) ?? 0) >= IDLE_TIMERS_MAX
  }

  #endless(): false {
    const session = this.#sessions.find(({ done }) => !done)
    session?.complain(
      `${session.name} does not end: it has sent ${STEPS_MAX} messages. Bound its loop, or give it less to do.`,
    )
    return false
  }

  /** Lets one message go, and everybody that it sets free. Resolves to what it touched. */
  async #go(ready: Ready, all: readonly Ready[], preempts: boolean): Promise<Footprint> {
    const session = this.#sessions.find(({ index }) => index === ready.session) as Session
    const message = session.takeNext()
    const step = this.#record(session, message, ready.footprint, preempts)
    session.lastPlace = message.place ?? session.lastPlace
    if (message.client === undefined) {
      if (isTimer(message)) this.#idle.set(session, (this.#idle.get(session) ?? 0) + 1)
      const answer = await message.send()
      if (!isTimer(message)) step.answer = answer
      message.deliver(answer)
      await this.#settle(session)
      return ready.footprint
    }
    for (const other of all)
      if (other.session !== session.index)
        this.#idle.delete(this.#sessions.find(({ index }) => index === other.session) as Session)
    if (this.#flights.size > 0) await this.#letDeadlockCheckPass()
    const ended = message.client.connection.failed || !message.client.connection.open
    const flight = this.#send(session, message, step)
    const alone = this.#flights.size === 1 && !this.#anybodyHolds(message.client)
    await this.#answeredOrBlocked([flight], alone)
    const blocked = flight.answer === undefined
    if (blocked) this.#blockedSinceMs = this.#clock.monotonicMs()
    else await this.#conclude(session)
    const failed = flight.answer?.ok === false
    // A failure ends the transaction: others can tell when that was.
    if (failed && !ended && ready.footprint.none) this.#distrusted.push(message.sql)
    const freed = await this.#drain()
    return blocked || freed || failed ? EVERYTHING : ready.footprint
  }

  #record(session: Session, message: Message, footprint: Footprint, preempts: boolean): Step {
    const { sql, values, place, client } = message
    const at = this.#pools[this.#sessions.indexOf(session)]?.clients.indexOf(client as GatedClient)
    const { connection } = client ?? {}
    const ordinal = (connection?.transaction ?? 0) + (connection?.open ? 0 : 1)
    const step: Step = {
      session: session.index,
      sql,
      values,
      place,
      footprint,
      transaction: `${session.index}.${at}.${ordinal}`,
      preempts,
      waitedFor: [],
      answeredAt: this.#steps.length,
      answer: undefined,
    }
    this.#steps.push(step)
    return step
  }

  #send(session: Session, message: Message, step: Step): Flight {
    const flight: Flight = { message, answer: undefined, blocked: false, waitedFor: [] }
    session.flight = flight
    this.#flights.set(session, { flight, step })
    message.send().then((answer) => {
      flight.answer = answer
      this.#onAnswer()
    })
    return flight
  }

  /** Somebody else in a transaction, or blocked, may make a message wait. */
  #anybodyHolds(client: GatedClient): boolean {
    return this.#pools.some(({ clients }) =>
      clients.some((other) => other !== client && other.connection.open),
    )
  }

  async #answeredOrBlocked(flights: readonly Flight[], alone = false): Promise<void> {
    const deadline = this.#clock.monotonicMs() + SETTLE_TIMEOUT_MS * 10
    const open = () => flights.filter(({ answer }) => answer === undefined)
    await this.#anyAnswer(flights, alone ? SETTLE_TIMEOUT_MS * 10 : POLL_MS)
    while (open().length > 0) {
      await this.#askBlocked(open())
      if (open().every(({ blocked }) => blocked)) return
      if (this.#clock.monotonicMs() > deadline)
        throw new HoldfastError(
          'HF_PROVE_SETUP',
          `A statement does not end: ${open()[0]?.message.sql}.`,
        )
      await this.#anyAnswer(open(), POLL_MS)
    }
  }

  async #askBlocked(flights: readonly Flight[]): Promise<void> {
    const pids = flights.map(pidOf)
    const rows = await this.#options.arena.blocked(pids, this.#pids())
    for (const flight of flights) {
      const row = rows.find(({ pid }) => pid === pidOf(flight))
      flight.blocked = row?.blocked === true && flight.answer === undefined
      if (flight.blocked && row !== undefined) flight.waitedFor = row.by
    }
  }

  #pids(): number[] {
    return this.#pools.flatMap(({ clients }) => clients.map(({ seat }) => seat.pid))
  }

  /** Until one of them is answered, or the time is over. */
  #anyAnswer(flights: readonly Flight[], timeoutMs: number): Promise<void> {
    if (flights.some(({ answer }) => answer !== undefined)) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#clock.after(timeoutMs, () => end())
      const end = () => {
        cancel()
        this.#onAnswer = () => {}
        resolve()
      }
      this.#onAnswer = end
    })
  }

  /** The check runs in the session that began to wait last: nobody else may close the circle before. */
  async #letDeadlockCheckPass(): Promise<void> {
    const leftMs = this.#blockedSinceMs + DEADLOCK_CHECK_MS - this.#clock.monotonicMs()
    if (leftMs > 0) await pause(this.#clock, leftMs)
  }

  /** Hands the answer of a message to its command, and waits for what that does next. */
  async #conclude(session: Session): Promise<void> {
    const found = this.#flights.get(session)
    if (found?.flight.answer === undefined) return
    const { flight, step } = found
    this.#flights.delete(session)
    session.flight = undefined
    const { message, answer } = flight
    step.answer = answer
    step.answeredAt = this.#steps.length - 1
    step.waitedFor = flight.waitedFor.map((pid) => this.#ownerOf(pid))
    const { client } = message
    if (client !== undefined) {
      const status = client.getTransactionStatus() as TransactionStatus
      if (status === 'I' && client.connection.open) this.#checked.delete(client)
      if (flight.waitedFor.length > 0 || showsSeveralRows(answer))
        this.#options.statements.wentThrough(message.sql)
      const published = answer?.ok === true && status === 'I' && mayPublish(step.footprint)
      client.connection.answered(message.sql, message.values, answer?.ok === true, status)
      await this.#compareLocks(client, status)
      if (published) await this.#options.onPublished?.(this.#steps.length - 1)
    }
    message.deliver(answer as Answer)
    await this.#settle(session)
  }

  /** What a transaction locks must be what its texts say: triggers and functions do not show there. */
  async #compareLocks(client: GatedClient, status: TransactionStatus): Promise<void> {
    const { texts } = client.connection
    if (status !== 'T' || this.#checked.get(client) === texts.length) return
    this.#checked.set(client, texts.length)
    const { statements, arena } = this.#options
    const signature = texts.join('\n')
    if (statements.verified.has(signature)) return
    const shown = new Set(texts.flatMap((text) => statements.tablesOf(text)))
    const locks = await arena.locks(client.seat.pid)
    if (
      locks.every(({ table }) => shown.has(table)) ||
      texts.some((text) => statements.isOpaque(text))
    )
      statements.verified.add(signature)
    else this.#distrusted.push(texts.at(-1) as string)
  }

  #ownerOf(pid: number): number {
    const at = this.#pools.findIndex(({ clients }) => clients.some(({ seat }) => seat.pid === pid))
    return this.#sessions[at]?.index ?? -1
  }

  /** Everybody that the step has set free. Resolves to whether there was anybody. */
  async #drain(): Promise<boolean> {
    let freed = false
    while (this.#flights.size > 0) {
      await this.#answeredOrBlocked([...this.#flights.values()].map(({ flight }) => flight))
      const answered = [...this.#flights].find(([, { flight }]) => flight.answer !== undefined)
      if (answered === undefined) return freed
      freed = true
      await this.#conclude(answered[0])
    }
    return freed
  }

  /** All that is left are messages that wait for each other: the server breaks the circle. */
  async #waitForDeadlock(): Promise<boolean> {
    if (this.#flights.size === 0) return false
    const flights = [...this.#flights.values()].map(({ flight }) => flight)
    await this.#anyAnswer(flights, DEADLOCK_TIMEOUT_MS)
    if (flights.every(({ answer }) => answer === undefined)) await this.#breakSelfDeadlock()
    for (const session of [...this.#flights.keys()]) await this.#conclude(session)
    return true
  }

  async #breakSelfDeadlock(): Promise<void> {
    const [session, { flight, step }] = [...this.#flights][0] as [
      Session,
      { flight: Flight; step: Step },
    ]
    if (session.queue.length > 0) {
      session.complain(
        `${session.name} sends statements side by side on several connections, and one waits for another: await them one after another.`,
      )
      return
    }
    this.#selfDeadlock = `${session.name} waits for a lock that it holds itself on another connection: ${step.sql}`
    await this.#options.arena.cancel(pidOf(flight))
    await this.#anyAnswer([flight], DEADLOCK_TIMEOUT_MS)
  }

  /** Nothing stays open, whether the commands came to their ends or not. */
  async #tidy(): Promise<void> {
    for (const session of this.#sessions) session.abandon()
    const clients = this.#pools.flatMap(({ clients }) => clients)
    const blocked = new Set([...this.#flights.values()].map(({ flight }) => flight.message.client))
    for (const client of clients) if (!blocked.has(client)) await tidyClient(client)
    for (const { flight } of this.#flights.values()) {
      await this.#anyAnswer([flight], DEADLOCK_TIMEOUT_MS)
      flight.message.deliver({ ok: false, error: new Error('The schedule has ended.') })
    }
    for (const client of clients) if (blocked.has(client)) await tidyClient(client)
  }
}

function isTimer(message: Message | undefined): boolean {
  return message?.client === undefined && message?.footprint === undefined
}

/** New rows show the order of those that they were made from by their ids. */
function showsSeveralRows(answer: Answer | undefined): boolean {
  if (answer?.ok !== true) return false
  const { rows, rowCount, command } = (answer.value ?? {}) as Partial<pg.QueryResult>
  return (rows?.length ?? 0) > 1 || (command === 'INSERT' && (rowCount ?? 0) > 1)
}

function mayPublish({ all, publishes }: Footprint): boolean {
  return all || publishes.length > 0
}

function pidOf({ message }: Flight): number {
  return message.client?.seat.pid ?? 0
}

function tidyClient(client: GatedClient): Promise<void> {
  return client.seat.tidy(client.connection.changed)
}
