/** A query that reads nothing: what a request costs before it does anything of its own. */
import { z } from 'zod'
import { startApp } from '../../src/app/start-app.ts'
import { holdfast } from '../../src/operation/builder.ts'
import { defineQuery } from '../../src/operation/contract.ts'
import { may } from '../../src/operation/rule.ts'
import { loadConfig } from '../../src/runtime/config.ts'
import { answerReports, ready } from './fixture.ts'

const builder = holdfast<{ db: object }>()

const Quote = defineQuery({
  name: 'bench.quote',
  http: 'GET /v1/quotes/{sku}',
  input: z.object({ sku: z.string().max(40), quantity: z.int().min(1).max(100) }),
  output: z.object({ sku: z.string(), total_minor: z.int() }),
})

const quote = builder.handle(Quote, {
  allow: may('orders:read'),
  limit: { rate: '100000/s', per: 'principal' },
  run: ({ input: { sku, quantity } }) => ({ sku, total_minor: 1999 * quantity }),
})

const app = builder.defineApp({
  modules: [{ module: builder.defineModule({ name: 'bench' }), Quote, quote }],
})

const config = loadConfig({
  HOLDFAST_ENV: 'production',
  DATABASE_URL: process.env.BENCH_URL,
  SIGNING_SECRET: 'bench-only-bench-only-bench-only-bench-only',
  PORT: '0',
  ADMIN_PORT: '0',
  LOG_LEVEL: 'info',
})
const running = await startApp(app, { config, does: ['api'] })
answerReports()
ready(running.apiUrl as string)
