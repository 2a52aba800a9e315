import type pg from 'pg'
import { TIDY } from './store.ts'

export interface Connections {
  /** Logs in as the program does. */
  connect(): Promise<pg.Client>
  /** Has the server end a connection of the program; its transaction is rolled back. */
  terminate(client: pg.Client): Promise<void>
  /** Whether it waits for a lock. */
  isBlocked(client: pg.Client): Promise<boolean>
}

/** Connections that are kept from run to run: to log in takes longer than a run does. */
export class ConnectionShelf {
  readonly #connections: Connections
  readonly #idle: pg.Client[] = []
  readonly #taken = new Set<pg.Client>()
  #ending: Promise<void>[] = []

  constructor(connections: Connections) {
    this.#connections = connections
  }

  async take(): Promise<pg.Client> {
    const client = this.#idle.pop() ?? (await this.#connections.connect())
    this.#taken.add(client)
    return client
  }

  /** A client that is given back within a transaction would hand it to the next: it goes. */
  giveBack(client: pg.Client): void {
    if (client.getTransactionStatus() !== 'I') this.#ending.push(this.drop(client))
    else if (this.#taken.delete(client)) this.#idle.push(client)
  }

  async drop(client: pg.Client): Promise<void> {
    if (this.#taken.delete(client)) await this.#connections.terminate(client)
  }

  isBlocked(client: pg.Client): Promise<boolean> {
    return this.#connections.isBlocked(client)
  }

  /** Between two runs. */
  async settle(): Promise<void> {
    await Promise.all(this.#ending)
    this.#ending = []
    await Promise.all(this.#idle.map((client) => client.query(TIDY)))
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#idle, ...this.#taken].map((client) => client.end()))
  }
}
