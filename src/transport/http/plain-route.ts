/** Routes that are no operation: health, description, documentation, metrics. GET and HEAD only. */
import type { Awaitable } from '../../operation/handler.ts'
import { builtinProblem } from '../../operation/problem.ts'
import { type HttpHost, unwantedBody } from './host.ts'
import { pathOf } from './target.ts'

export interface PlainReply {
  readonly status: number
  readonly contentType: string
  readonly body: string
  /** Flat list; replaces the host's own headers where given. */
  readonly headers?: readonly string[]
  /** `no-store` by default. */
  readonly cacheControl?: string
}

export function plainRoute(
  host: HttpHost,
  path: string,
  headers: readonly string[],
  answer: () => Awaitable<PlainReply>,
): void {
  host.app.route({
    method: ['GET', 'HEAD'],
    url: path,
    handler: async (request, reply) => {
      const { raw } = request
      reply.hijack()
      const exact = pathOf(raw.url as string) === path
      const refusal = exact ? unwantedBody(raw) : builtinProblem('not-found')
      if (refusal !== undefined) return host.refuse(raw, reply.raw, refusal)
      const { status, contentType, body, ...rest } = await answer()
      const list = [
        ...(rest.headers ?? headers),
        ...host.cors.replyHeaders(raw.headers.origin),
        'x-request-id',
        host.requestId(raw),
        'cache-control',
        rest.cacheControl ?? 'no-store',
        'content-type',
        contentType,
      ]
      host.send(raw, reply.raw, { status, headers: list, body })
    },
  })
}
