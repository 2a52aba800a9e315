/**
 * What a process of a run has for its database: a pool to the program, and real connections below,
 * each of whose messages is a boundary.
 *
 * The server is asked to end a connection that is cut, and has ended it when the cut is over: what it
 * had open is rolled back before anything else happens.
 */
import type pg from 'pg'
import type { ConnectionShelf } from './connection-shelf.ts'
import { type BoundaryKind, ConnectionLost, type FaultGate, NEVER, type Refusal } from './fault.ts'
import { refusingStatement } from './store.ts'

interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
}

export class ProcessPool {
  readonly #gate: FaultGate
  readonly #shelf: ConnectionShelf
  readonly #open = new Set<ProcessClient>()
  abandoned = false

  constructor(gate: FaultGate, shelf: ConnectionShelf) {
    this.#gate = gate
    this.#shelf = shelf
  }

  async connect(): Promise<ProcessClient> {
    if (this.abandoned) return NEVER
    const client = await this.#gate.pass({
      label: 'a connection of the pool',
      kind: 'checkout',
      perform: () => this.#shelf.take(),
      cut: async () => {},
      refuse: () => this.#shelf.take(),
    })
    const made = new ProcessClient(client, this.#gate, this.#shelf, () => this.#open.delete(made))
    this.#open.add(made)
    return made
  }

  async query(query: string | Query, values?: readonly unknown[]): Promise<pg.QueryResult> {
    const client = await this.connect()
    try {
      return await client.query(query, values)
    } finally {
      client.release()
    }
  }

  /** The process is dead, or the run is over. */
  async abandon(): Promise<void> {
    this.abandoned = true
    await Promise.all([...this.#open].map((client) => client.drop()))
    this.#open.clear()
  }
}

const ENDINGS = /^\s*(?:commit|end|rollback)\b/i

function boundaryKind(text: string): BoundaryKind {
  return ENDINGS.test(text) ? 'end' : 'statement'
}

class ProcessClient {
  readonly #client: pg.Client
  readonly #gate: FaultGate
  readonly #shelf: ConnectionShelf
  readonly #closed: () => void
  #lost = false

  constructor(client: pg.Client, gate: FaultGate, shelf: ConnectionShelf, closed: () => void) {
    this.#client = client
    this.#gate = gate
    this.#shelf = shelf
    this.#closed = closed
  }

  async query(query: string | Query, values?: readonly unknown[]): Promise<pg.QueryResult> {
    const { text, values: given } =
      typeof query === 'string' ? { text: query, values: undefined } : query
    if (this.#lost) throw new ConnectionLost('lost before')
    const config = { ...(typeof query === 'string' ? { text } : query), values: values ?? given }
    return this.#gate.pass({
      label: text.replace(/\s+/g, ' ').trim(),
      kind: boundaryKind(text),
      perform: () => this.#client.query(config as pg.QueryConfig),
      cut: () => this.drop(),
      refuse: (code) => this.#refuse(text, code),
    })
  }

  release(): void {
    this.#closed()
    if (!this.#lost) this.#shelf.giveBack(this.#client)
  }

  getTransactionStatus(): string | null {
    return this.#lost ? null : this.#client.getTransactionStatus()
  }

  async drop(): Promise<void> {
    this.#lost = true
    await this.#shelf.drop(this.#client)
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
