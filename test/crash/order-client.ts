/**
 * A client that sends orders over connections of its own, sees how each request ended, and sends
 * again, with the same key, until it has an answer that counts.
 *
 * An answer is *final* when it is an outcome of the order: placed, or refused for want of stock.
 * 503, 504 and `409 idempotency-in-progress` are not: they say "send it again".
 * A request is *cut* when its connection ended after all of it was sent and before its answer was
 * here in full: nobody can tell from outside whether it took effect.
 */
import { Agent, type IncomingMessage, request } from 'node:http'
import { pause, systemClock } from '../../src/base/clock.ts'

export interface OrderLine {
  readonly sku: string
  readonly quantity: number
}

export interface WantedOrder {
  readonly key: string
  readonly lines: readonly OrderLine[]
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly replayed: boolean
}

/** What became of one request. `unsent`: nobody listened, or it was cut before it was sent. */
export type Outcome = Answer | 'cut' | 'unsent'

/** One life of the process: where it listens, until it ends. */
export interface Life {
  readonly api: string
  /** Requests that were cut when it was killed. */
  cut: number
}

export interface OrderClientOptions {
  readonly apiKey: string
  /** The life to send to; waits while there is none. */
  readonly life: () => Promise<Life>
  readonly onAnswer: (answer: Answer) => void
}

/** A request that has no end, and an order that is never answered, are failures of their own. */
const REQUEST_TIMEOUT_MS = 30_000
const TRIES_MAX = 200
const RETRY_MS = 20

export class OrderClient {
  readonly #options: OrderClientOptions
  readonly #agent = new Agent({ keepAlive: true })

  constructor(options: OrderClientOptions) {
    this.#options = options
  }

  /** Sends until there is a final answer; `sender` keeps request ids apart. */
  async send(order: WantedOrder, sender: string): Promise<Answer> {
    for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
      const life = await this.#options.life()
      const outcome = await this.#request(life, order, `${order.key}.${sender}${attempt}`)
      if (outcome === 'cut') life.cut++
      else if (outcome !== 'unsent') {
        this.#options.onAnswer(outcome)
        if (isFinal(outcome)) return outcome
        if (!isTransient(outcome)) throw new Error(`${order.key}: ${JSON.stringify(outcome)}`)
      }
      await pause(systemClock, RETRY_MS)
    }
    throw new Error(`${order.key}: no final answer after ${TRIES_MAX} requests`)
  }

  #request(life: Life, order: WantedOrder, requestId: string): Promise<Outcome> {
    return new Promise((resolve) => {
      let sent = false
      const lost = () => resolve(sent ? 'cut' : 'unsent')
      const asked = request(`${life.api}/v1/orders`, {
        method: 'POST',
        agent: this.#agent,
        timeout: REQUEST_TIMEOUT_MS,
        headers: {
          authorization: `Bearer ${this.#options.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': order.key,
          'x-request-id': requestId,
        },
      })
      // Fires once the connection stands and all of the request was handed to it.
      asked.on('finish', () => {
        sent = true
      })
      asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
      asked.on('error', lost)
      asked.on('response', (response) => {
        response.on('error', lost)
        void readAnswer(response).then(resolve, lost)
      })
      asked.end(JSON.stringify({ lines: order.lines }))
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode as number,
    body: Buffer.concat(chunks).toString(),
    replayed: response.headers['idempotency-replayed'] === 'true',
  }
}

function isFinal({ status, body }: Answer): boolean {
  return status === 201 || (status === 409 && codeOf(body) === 'insufficient-stock')
}

function isTransient({ status, body }: Answer): boolean {
  if (status === 503 || status === 504) return true
  return status === 409 && codeOf(body) === 'idempotency-in-progress'
}

function codeOf(body: string): unknown {
  return (JSON.parse(body) as { code?: unknown }).code
}
