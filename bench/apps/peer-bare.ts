/** The same reply by bare Fastify: nothing is asked, checked, limited or logged. */
import { fastify } from 'fastify'
import { answerReports, ready } from './fixture.ts'

const app = fastify({ logger: false })
app.get<{ Params: { sku: string }; Querystring: { quantity: string } }>(
  '/v1/quotes/:sku',
  async ({ params, query }) => ({ sku: params.sku, total_minor: 1999 * Number(query.quantity) }),
)
answerReports()
ready(await app.listen({ host: '127.0.0.1', port: 0 }))
