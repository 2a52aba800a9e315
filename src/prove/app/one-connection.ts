import type { SteppedClient, SteppedPool } from './stepped-connections.ts'

/**
 * One connection at a time, in the order in which they are asked for. Transactions that run side by
 * side wait for each other's rows, and who comes first after that is a matter of time: a run could not
 * be made again. What they do to each other is what races are for.
 */
export class OneConnection implements SteppedPool {
  readonly #pool: SteppedPool
  #last: Promise<void> = Promise.resolve()

  constructor(pool: SteppedPool) {
    this.#pool = pool
  }

  async connect(): Promise<SteppedClient> {
    const before = this.#last
    const { promise, resolve: letNextGo } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    try {
      return released(await this.#pool.connect(), letNextGo)
    } catch (error) {
      letNextGo()
      throw error
    }
  }
}

function released(client: SteppedClient, whenReleased: () => void): SteppedClient {
  return {
    query: (config) => client.query(config),
    getTransactionStatus: () => client.getTransactionStatus(),
    release(broken) {
      client.release(broken)
      whenReleased()
    },
  }
}
