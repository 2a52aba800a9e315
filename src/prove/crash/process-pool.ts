/**
 * What a process of a run has for its database: a pool to the program, and real connections below,
 * each of whose messages is a boundary.
 *
 * The server is asked to end a connection that is cut, and has ended it when the cut is over: what it
 * had open is rolled back before anything else happens. The names end in Pool and Client because
 * drizzle-orm looks at them.
 */
import { EventEmitter } from 'node:events'
import pg from 'pg'
import { answered, askUntilReady, type Callback, PgPool } from '../run/pg-face.ts'
import type { ConnectionShelf } from './connection-shelf.ts'
import { type BoundaryKind, ConnectionLost, type FaultGate, NEVER, type Refusal } from './fault.ts'
import { refusingStatement } from './store.ts'

interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
}

type Values = readonly unknown[] | Callback | undefined
type Checkout = (error: unknown, client?: ProcessClient, release?: () => void) => void

/** As pg.Pool by default. */
const CONNECTIONS_MAX = 10

export class ProcessPool extends PgPool {
  readonly options = { max: CONNECTIONS_MAX }
  readonly Client = pg.Client
  readonly #gate: FaultGate
  readonly #shelf: ConnectionShelf
  readonly #open = new Set<ProcessClient>()
  abandoned = false

  constructor(gate: FaultGate, shelf: ConnectionShelf) {
    super()
    this.#gate = gate
    this.#shelf = shelf
  }

  connect(callback?: Checkout) {
    const checkout = this.#checkout()
    if (callback === undefined) return checkout
    checkout.then(
      (client) => callback(undefined, client, () => client.release()),
      (error) => callback(error),
    )
    return undefined
  }

  query(query: string | Query, values?: Values, callback?: Callback) {
    const [given, done] = split(values, callback)
    return answered(this.#queryOnce(query, given), done)
  }

  /** A program that closes its pool is done with it; the connections are the explorer's. */
  async end(callback?: () => void): Promise<void> {
    callback?.()
  }

  /** The process is dead, or the run is over. */
  async abandon(): Promise<void> {
    this.abandoned = true
    await Promise.all([...this.#open].map((client) => client.drop()))
    this.#open.clear()
  }

  async #checkout(): Promise<ProcessClient> {
    if (this.abandoned) return NEVER
    const client = await this.#gate.pass({
      label: 'a connection of the pool',
      kind: 'checkout',
      gone: () => this.abandoned,
      perform: () => this.#shelf.take(),
      cut: async () => {},
      refuse: () => this.#shelf.take(),
    })
    const made = new ProcessClient(client, this.#gate, this.#shelf, {
      closed: () => this.#open.delete(made),
      gone: () => this.abandoned,
    })
    this.#open.add(made)
    return made
  }

  async #queryOnce(query: string | Query, values: readonly unknown[] | undefined) {
    const client = await this.#checkout()
    try {
      return await client.query(query, values)
    } finally {
      client.release()
    }
  }
}

function split(values: Values, callback: Callback | undefined) {
  return typeof values === 'function'
    ? ([undefined, values] as const)
    : ([values, callback] as const)
}

const ENDINGS = /^\s*(?:commit|end|rollback)\b/i

function boundaryKind(text: string): BoundaryKind {
  return ENDINGS.test(text) ? 'end' : 'statement'
}

interface Owner {
  closed(): void
  /** The process that has checked it out is dead. */
  gone(): boolean
}

class ProcessClient extends EventEmitter {
  readonly #client: pg.Client
  readonly #gate: FaultGate
  readonly #shelf: ConnectionShelf
  readonly #owner: Owner
  /** Of the transaction that is open. */
  readonly #texts: string[] = []
  #lost = false

  constructor(client: pg.Client, gate: FaultGate, shelf: ConnectionShelf, owner: Owner) {
    super()
    this.#client = client
    this.#gate = gate
    this.#shelf = shelf
    this.#owner = owner
  }

  get processID(): number | undefined {
    return (this.#client as unknown as { processID?: number }).processID
  }

  query(query: string | Query, values?: Values, callback?: Callback) {
    const [given, done] = split(values, callback)
    return answered(this.#pass(query, given), done)
  }

  escapeIdentifier(text: string): string {
    return pg.escapeIdentifier(text)
  }

  escapeLiteral(text: string): string {
    return pg.escapeLiteral(text)
  }

  release(): void {
    this.#owner.closed()
    if (!this.#lost) this.#shelf.giveBack(this.#client)
  }

  getTransactionStatus(): string | null {
    return this.#lost ? null : this.#client.getTransactionStatus()
  }

  async drop(): Promise<void> {
    this.#lost = true
    await this.#shelf.drop(this.#client)
  }

  async #pass(
    query: string | Query,
    given: readonly unknown[] | undefined,
  ): Promise<pg.QueryResult> {
    const asked = typeof query === 'string' ? { text: query } : query
    const config: Query = given === undefined ? asked : { ...asked, values: given }
    if (this.#lost) throw new ConnectionLost('lost before')
    const [label, kind] = [config.text.replace(/\s+/g, ' ').trim(), boundaryKind(config.text)]
    const within = kind === 'end' ? this.#texts.splice(0).join('; ') : undefined
    if (within === undefined) this.#texts.push(label)
    return this.#gate.pass({
      label,
      kind,
      ...(within !== undefined && { within }),
      values: config.values ?? [],
      gone: () => this.#owner.gone(),
      isBlocked: () => this.#shelf.isBlocked(this.#client),
      perform: () => askUntilReady(this.#client, config),
      cut: () => this.drop(),
      refuse: (code) => this.#refuse(config.text, code),
    })
  }

  /** A transaction whose end is refused is over. */
  async #refuse(text: string, code: Refusal): Promise<pg.QueryResult> {
    try {
      return await this.#client.query(refusingStatement(code))
    } catch (error) {
      if (boundaryKind(text) === 'end') await this.#client.query('ROLLBACK')
      throw error
    }
  }
}
