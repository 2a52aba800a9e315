/** An app of five operations whose `execute` only echoes: what the protocol does, and no more. */
import { z } from 'zod'
import { systemClock } from '../../src/base/clock.ts'
import { anonymousPrincipal, principal } from '../../src/base/principal.ts'
import { holdfast } from '../../src/operation/builder.ts'
import { defineCommand, defineQuery } from '../../src/operation/contract.ts'
import {
  builtinProblem,
  conflict,
  problemReply,
  validationProblem,
} from '../../src/operation/problem.ts'
import type { Registry } from '../../src/operation/registered.ts'
import { buildRegistry } from '../../src/operation/registry.ts'
import type { Reply } from '../../src/operation/reply.ts'
import type { OperationRequest } from '../../src/operation/request.ts'
import { anyPrincipal } from '../../src/operation/rule.ts'
import { type HttpConfig, loadConfig } from '../../src/runtime/config.ts'
import { Health } from '../../src/runtime/health.ts'
import { type Log, silentLog } from '../../src/runtime/log.ts'
import { createHttpServer, type HttpServer } from '../../src/transport/http/server.ts'
import type { Execute } from '../../src/transport/rest/operation-route.ts'

const Order = z.object({ id: z.string(), note: z.string().optional() }).meta({ id: 'Order' })

export const PlaceOrder = defineCommand({
  name: 'ordering.place-order',
  http: 'POST /v1/orders',
  input: z.object({
    note: z.string().optional(),
    lines: z.array(z.object({ sku: z.string(), quantity: z.int().min(1) })).optional(),
    deep: z.unknown().optional(),
  }),
  output: Order,
  status: 201,
  problems: { insufficientStock: conflict('Insufficient stock', z.object({ sku: z.string() })) },
  examples: [{ input: { lines: [{ sku: 'tea', quantity: 2 }] }, output: { id: 'ord_1' } }],
})

export const UpdateOrder = defineCommand({
  name: 'ordering.update-order',
  http: 'PUT /v1/orders/{id}',
  input: z.object({ id: z.string(), note: z.string() }),
  output: Order,
  ifMatch: 'required',
})

export const CancelOrder = defineCommand({
  name: 'ordering.cancel-order',
  http: 'DELETE /v1/orders/{id}',
  input: z.object({ id: z.string(), reason: z.string().optional() }),
  output: Order,
  idempotency: 'natural',
})

export const GetOrder = defineQuery({
  name: 'ordering.get-order',
  http: 'GET /v1/orders/{id}',
  input: z.object({ id: z.string(), expand: z.array(z.string()).optional() }),
  output: Order,
  etag: (order) => order.id,
})

export const ListOrders = defineQuery({
  name: 'ordering.list-orders',
  http: 'GET /v1/orders',
  input: z.object({ limit: z.int().min(1).max(100).default(20), cursor: z.string().optional() }),
  output: z.object({ data: z.array(Order), next_cursor: z.string().nullable() }),
})

export function protocolRegistry(): Registry {
  const app = holdfast<{ db: object }>()
  const run = () => ({ id: '' })
  const ordering = {
    module: app.defineModule({ name: 'ordering' }),
    place: app.handle(PlaceOrder, {
      allow: anyPrincipal,
      limit: { rate: '60/min', per: 'principal' },
      run,
    }),
    update: app.handle(UpdateOrder, { allow: anyPrincipal, run }),
    cancel: app.handle(CancelOrder, { allow: anyPrincipal, run }),
    get: app.handle(GetOrder, { allow: anyPrincipal, run }),
    list: app.handle(ListOrders, {
      allow: anyPrincipal,
      run: () => ({ data: [], next_cursor: null }),
    }),
  }
  return buildRegistry(app.defineApp({ modules: [ordering] }))
}

export const KEY = 'hf_test_key'

/** What `execute` was asked, in order. */
export type Asked = OperationRequest & { readonly operation: string; readonly value: unknown }

export interface ProtocolServer extends AsyncDisposable {
  readonly server: HttpServer
  readonly health: Health
  readonly url: string
  readonly port: number
  readonly asked: readonly Asked[]
}

export interface ProtocolOptions {
  readonly config?: Partial<HttpConfig>
  readonly execute?: Execute
  readonly log?: Log
}

/** Listens on a free port of the loopback. */
export async function protocolServer(options: ProtocolOptions = {}): Promise<ProtocolServer> {
  const asked: Asked[] = []
  const health = new Health(systemClock)
  const execute = options.execute ?? echo
  const server = createHttpServer({
    registry: protocolRegistry(),
    execute: async (operation, request) => {
      if (!request.input.ok)
        return problemReply(validationProblem(request.input.violations), request.scope)
      asked.push({ ...request, operation: operation.name, value: request.input.value })
      return execute(operation, request)
    },
    authenticate: (text) =>
      text === undefined
        ? { principal: anonymousPrincipal('') }
        : text === KEY
          ? { principal: tester, credential: { kind: 'api-key', id: 'key_1' } }
          : builtinProblem('unauthenticated'),
    health,
    log: options.log ?? silentLog,
    clock: systemClock,
    config: { ...loadConfig({ PORT: '0', ADMIN_PORT: '1' }).http, ...options.config },
  })
  server.host.app.get('/raw/:id', (_request, reply) => reply.send({ raw: true }))
  server.host.app.get('/files/*', (_request, reply) => reply.send('file'))
  const url = await server.listen()
  return {
    server,
    health,
    url,
    port: Number(new URL(url).port),
    asked,
    [Symbol.asyncDispose]: () => server.stop(0),
  }
}

const tester = principal({
  id: 'key_1',
  kind: 'api-key',
  tenant: 'acme',
  roles: ['merchant'],
  permissions: ['*'],
})

const echo: Execute = async (operation, { input }) =>
  json(200, { operation: operation.name, input: input.ok ? input.value : undefined })

export function json(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const contentType = 'application/json'
  return { status, contentType, headers, body: JSON.stringify(body), replayed: false }
}
