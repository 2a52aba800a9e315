/** Requests that go on until they are told to stop, and what was not answered as it should be. */
import { testSignal } from '../src/testing/test-signal.ts'
import type { Reply } from './ask.ts'

/** One kind of request; gives what is wrong with its reply, if anything is. */
export type Sender = () => Promise<string | undefined>

export class Traffic {
  readonly failures: string[] = []
  readonly #answered = testSignal<void>('answer')
  readonly #senders: readonly Sender[]
  #stopped = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(senders: readonly Sender[]) {
    this.#senders = senders
  }

  start(): void {
    this.#running = Promise.all(this.#senders.map((sender) => this.#keepSending(sender)))
  }

  async #keepSending(sender: Sender): Promise<void> {
    while (!this.#stopped) {
      const failure = await sender().catch((error: unknown) => String(error))
      if (failure !== undefined) this.failures.push(failure)
      this.#answered.emit()
    }
  }

  get answered(): number {
    return this.#answered.count
  }

  /** Resolves when so many more requests were answered. */
  async goOn(requests: number): Promise<void> {
    const until = this.#answered.count + requests
    while (this.#answered.count < until) await this.#answered.next()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }
}

/** A reply with the wrong status, as a line of text. */
export function unless(status: number, what: string, reply: Reply): string | undefined {
  if (reply.status === status) return undefined
  return `${what}: ${reply.status} ${reply.text.slice(0, 300)}`
}
