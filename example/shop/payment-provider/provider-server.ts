/** The provider over HTTP: its API for shops, and an admin side that makes it misbehave. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { z } from 'zod'
import { pause, systemClock } from '../../../src/base/clock.ts'
import { equalBytes, sha256 } from '../../../src/base/digest.ts'
import { parseJson } from '../../../src/base/json.ts'
import { Fault, Faults, WebhookFaults } from './faults.ts'
import { type Asker, AuthorizeBody, Provider, type ProviderReply, type Step } from './provider.ts'
import { ProviderStore } from './store.ts'
import { WebhookSender } from './webhook-sender.ts'

export const Account = z.object({
  name: z.string(),
  api_key: z.string().min(16),
  /** `whsec_...`, of the webhooks to this account. */
  webhook_secret: z.string(),
})
export type Account = z.infer<typeof Account>

export interface ProviderOptions {
  readonly file: string
  readonly port?: number
  readonly accounts: readonly Account[]
}

export interface RunningProvider {
  /** `http://127.0.0.1:port` */
  readonly url: string
  stop(): Promise<void>
}

export async function startProvider(options: ProviderOptions): Promise<RunningProvider> {
  const service = new Service(options)
  const server = createServer((request, response) => void service.answer(request, response))
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  service.sender.start()
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await service.sender.stop()
      service.store.close()
    },
  }
}

type Handle = (asked: Asked) => ProviderReply | Promise<ProviderReply>

interface Asked extends Asker {
  readonly id: string
  readonly query: URLSearchParams
  readonly body: unknown
}

interface Route {
  readonly method: string
  readonly path: RegExp
  /** As faults name it; undefined for the admin side, which never fails. */
  readonly step: string | undefined
  readonly handle: Handle
}

class Service {
  readonly store: ProviderStore
  readonly sender: WebhookSender
  readonly #accounts: readonly Account[]
  readonly #faults = new Faults()
  readonly #provider: Provider
  readonly #routes: readonly Route[]
  #endpoint: string | undefined

  constructor({ file, accounts }: ProviderOptions) {
    this.#accounts = accounts
    this.store = new ProviderStore(file)
    this.#provider = new Provider(this.store, this.#faults, systemClock)
    this.sender = new WebhookSender(this.store, systemClock, (name) => this.#targetOf(name))
    this.#routes = [...this.#shopRoutes(), ...this.#adminRoutes()]
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response)
    } catch (error) {
      if (!response.headersSent) send(response, { status: 500, body: { detail: String(error) } })
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://provider')
    const route = this.#routes.find(
      ({ method, path }) => method === request.method && path.test(url.pathname),
    )
    if (route === undefined)
      return send(response, { status: 404, body: { detail: 'no such route' } })
    const read = parseJson(await buffer(request))
    const asked = this.#asked(request, url, route, read.ok ? read.value : {})
    if (asked === undefined) return send(response, { status: 401, body: { detail: 'who are you' } })
    const fault = route.step === undefined ? undefined : this.#faults.take(route.step)
    if (fault?.kind === 'slow') await pause(systemClock, fault.delay_ms)
    if (fault?.kind === 'error') return send(response, { status: 500, body: {} })
    if (fault?.kind === 'reset') return void request.socket.resetAndDestroy()
    const reply = await route.handle(asked)
    if (fault?.kind === 'error-after') return send(response, { status: 500, body: {} })
    if (fault?.kind === 'reset-after') return void request.socket.resetAndDestroy()
    if (fault?.kind === 'silent-after') return
    send(response, reply)
  }

  #asked(request: IncomingMessage, url: URL, route: Route, body: unknown): Asked | undefined {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
    const known = this.#accounts.find(({ api_key }) => equalBytes(sha256(api_key), sha256(token)))
    if (known === undefined && route.step !== undefined) return undefined
    const id = route.path.exec(url.pathname)?.groups?.id ?? ''
    const key = String(request.headers['idempotency-key'] ?? '')
    const traceparent = request.headers.traceparent?.toString()
    return { account: known?.name ?? '', key, traceparent, id, query: url.searchParams, body }
  }

  #targetOf(account: string) {
    const secret = this.#accounts.find(({ name }) => name === account)?.webhook_secret
    if (secret === undefined || this.#endpoint === undefined) return undefined
    return { url: this.#endpoint, secret }
  }

  #shopRoutes(): readonly Route[] {
    const provider = this.#provider
    const step = (name: Step): Route => ({
      method: 'POST',
      path: new RegExp(`^/v1/payments/(?<id>pp_[0-9a-f]{32})/${name}$`),
      step: name,
      handle: (asked) => keyed(asked.key, () => provider.step(asked, name, asked.id)),
    })
    return [
      {
        method: 'POST',
        path: /^\/v1\/payments$/,
        step: 'authorize',
        handle: (asked) => {
          const parsed = AuthorizeBody.safeParse(asked.body)
          if (!parsed.success)
            return { status: 422, body: { detail: z.prettifyError(parsed.error) } }
          return keyed(asked.key, () => provider.authorize(asked, parsed.data))
        },
      },
      step('capture'),
      step('void'),
      step('refund'),
      {
        method: 'GET',
        path: /^\/v1\/payments$/,
        step: 'find',
        handle: ({ account, query }) => provider.find(account, query.get('key') ?? ''),
      },
      {
        method: 'GET',
        path: /^\/v1\/ledger$/,
        step: 'ledger',
        handle: ({ account }) => ({ status: 200, body: { data: this.store.ledger(account) } }),
      },
    ]
  }

  #adminRoutes(): readonly Route[] {
    const post = (name: string, handle: (body: unknown) => void): Route => ({
      method: 'POST',
      path: new RegExp(`^/admin/${name}$`),
      step: undefined,
      handle: ({ body }) => {
        handle(body)
        return { status: 200, body: {} }
      },
    })
    return [
      post('endpoint', (body) => {
        this.#endpoint = z.object({ url: z.url() }).parse(body).url
      }),
      post('faults', (body) => this.#faults.arm(Fault.parse(body))),
      post('webhooks', (body) => {
        this.#faults.webhooks = WebhookFaults.parse(body)
      }),
      post('clear', () => {
        this.#faults.clear()
        this.store.hurryWebhooks()
      }),
      {
        method: 'GET',
        path: /^\/admin\/state$/,
        step: undefined,
        handle: () => ({
          status: 200,
          body: {
            payments: this.store.payments(),
            ledger: this.store.ledger(),
            webhooks_waiting: this.store.webhooksWaiting(),
          },
        }),
      },
    ]
  }
}

function keyed(
  key: string,
  work: () => { readonly status: number; readonly body: string },
): ProviderReply {
  if (key === '') return { status: 400, body: { detail: 'Idempotency-Key is missing' } }
  const { status, body } = work()
  return { status, body: JSON.parse(body) }
}

function send(response: ServerResponse, { status, body }: ProviderReply): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
