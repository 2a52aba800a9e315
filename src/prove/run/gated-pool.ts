/**
 * What a command gets for its database: a pool to its callers, a gate to the explorer. Each message
 * of the driver waits until the schedule lets it go; the real client then sends it.
 *
 * The names end in Pool and Client because drizzle-orm looks at them.
 */
import { EventEmitter } from 'node:events'
import pg from 'pg'
import { type Connection, openConnection } from '../footprint/connection.ts'
import type { Statements } from '../footprint/statements.ts'
import { answered, askUntilReady, type Callback, PgPool } from './pg-face.ts'
import { type Answer, atPlace, outside, type Session } from './session.ts'
import { userPlace } from './trail.ts'

/** What of a connection this needs; the arena has it. */
export interface GateSeat {
  readonly client: pg.Client
  readonly pid: number
  readonly isolation: string
  tidy(changed: boolean): Promise<void>
}

/** As pg.Pool by default. */
const CONNECTIONS_MAX = 10

interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
}

export class GatedPool extends PgPool {
  readonly options = { max: CONNECTIONS_MAX }
  readonly Client = pg.Client
  readonly #session: Session
  readonly #statements: Statements
  readonly #openSeat: (index: number) => Promise<GateSeat>
  readonly #clients: GatedClient[] = []
  readonly #free: GatedClient[] = []
  readonly #waiting: ((client: GatedClient) => void)[] = []
  #opened: Promise<unknown> = Promise.resolve()
  ended = false

  constructor(
    session: Session,
    statements: Statements,
    openSeat: (index: number) => Promise<GateSeat>,
  ) {
    super()
    this.#session = session
    this.#statements = statements
    this.#openSeat = openSeat
  }

  /** Those that have their connection. */
  get clients(): readonly GatedClient[] {
    return this.#clients.filter(({ isSeated }) => isSeated)
  }

  get totalCount(): number {
    return this.#clients.length
  }

  get idleCount(): number {
    return this.#free.length
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  connect(callback?: (error: unknown, client?: GatedClient, release?: () => void) => void) {
    const checkout = this.#checkout()
    if (callback === undefined) return checkout
    checkout.then(
      (client) => callback(undefined, client, () => client.release()),
      (error) => callback(error),
    )
    return undefined
  }

  query(query: string | Query, values?: readonly unknown[] | Callback, callback?: Callback) {
    const done = typeof values === 'function' ? values : callback
    const answer = this.#queryOnce(query, typeof values === 'function' ? undefined : values)
    return answered(answer, done)
  }

  async end(callback?: () => void): Promise<void> {
    this.ended = true
    callback?.()
  }

  async #queryOnce(query: string | Query, values?: readonly unknown[]): Promise<unknown> {
    const client = await this.#checkout()
    try {
      return await client.query(query, values)
    } finally {
      client.release()
    }
  }

  async #checkout(): Promise<GatedClient> {
    if (this.ended) throw new Error('Cannot use a pool after calling end on the pool')
    const free = this.#free.shift()
    if (free !== undefined) return free.taken()
    if (this.#clients.length >= CONNECTIONS_MAX)
      return new Promise((resolve) => this.#waiting.push(resolve))
    const client = new GatedClient(this.#session, this.#statements, (released) =>
      this.#takeBack(released),
    )
    const index = this.#clients.push(client) - 1
    // One after another: to connect takes one longer than the other, and then they would change places.
    const opened = this.#opened.then(() => outside(() => this.#openSeat(index)))
    this.#opened = opened.catch(() => {})
    client.sitOn(await opened)
    return client
  }

  #takeBack(client: GatedClient): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#free.push(client)
    else waiting(client.taken())
  }
}

export class GatedClient extends EventEmitter {
  /** What the explorer knows of the transaction on it. */
  connection: Connection
  readonly #session: Session
  readonly #takeBack: (client: GatedClient) => void
  readonly #statements: Statements
  #seat: GateSeat | undefined
  #released = false

  constructor(session: Session, statements: Statements, takeBack: (client: GatedClient) => void) {
    super()
    this.#session = session
    this.#statements = statements
    this.#takeBack = takeBack
    this.connection = openConnection(statements, 'read committed')
  }

  sitOn(seat: GateSeat): void {
    this.#seat = seat
    this.connection = openConnection(this.#statements, seat.isolation)
  }

  get seat(): GateSeat {
    return this.#seat as GateSeat
  }

  get isSeated(): boolean {
    return this.#seat !== undefined
  }

  get processID(): number {
    return this.seat.pid
  }

  taken(): this {
    this.#released = false
    return this
  }

  release(): void {
    if (this.#released)
      throw new Error('Release called on client which has already been released to the pool.')
    this.#released = true
    this.#takeBack(this)
  }

  query(
    query: string | Query,
    values?: readonly unknown[] | Callback,
    callback?: Callback,
  ): Promise<unknown> | undefined {
    const done = typeof values === 'function' ? values : callback
    const given = typeof values === 'function' ? undefined : values
    return answered(this.#gate(query, given), done)
  }

  escapeIdentifier(text: string): string {
    return pg.escapeIdentifier(text)
  }

  escapeLiteral(text: string): string {
    return pg.escapeLiteral(text)
  }

  getTransactionStatus(): string | null {
    return this.seat.client.getTransactionStatus()
  }

  #gate(query: string | Query, given: readonly unknown[] | undefined): Promise<unknown> {
    const session = this.#session
    const place = session.traced ? userPlace() : undefined
    if (typeof query === 'object' && 'submit' in query) {
      session.complain(
        `${session.name} reads through a cursor or a stream${atPlace(place)}, whose messages cannot be told apart: hand in a query instead.`,
      )
      return new Promise(() => {})
    }
    const text = typeof query === 'string' ? query : query.text
    const values = given ?? (typeof query === 'string' ? [] : (query.values ?? []))
    const config = typeof query === 'string' ? { text, values } : { ...query, values }
    return new Promise((resolve, reject) => {
      session.enqueue({
        sql: text,
        values,
        client: this,
        place,
        send: () => outside(() => ask(this.seat.client, config)),
        deliver: (answer) => (answer.ok ? resolve(answer.value) : reject(answer.error)),
      })
    })
  }
}

async function ask(client: pg.Client, config: object): Promise<Answer> {
  try {
    return { ok: true, value: await askUntilReady(client, config) }
  } catch (error) {
    return { ok: false, error }
  }
}
