/** Calls to others, caches, events without a database: the code of the rules, with the other side played. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Pool } from 'pg'
import type * as Async202 from '../../src/rules/code/async-202/fixed.ts'
import type * as Breaker from '../../src/rules/code/breaker-never-closes/fixed.ts'
import type * as Bulkhead from '../../src/rules/code/bulkhead/fixed.ts'
import type * as CacheAside from '../../src/rules/code/cache-aside-exact/fixed.ts'
import type * as CacheLateFill from '../../src/rules/code/cache-late-fill/fixed.ts'
import type * as CacheStampede from '../../src/rules/code/cache-stampede/fixed.ts'
import type * as CacheStale from '../../src/rules/code/cache-without-invalidation/fixed.ts'
import type * as ChattyApi from '../../src/rules/code/chatty-api/fixed.ts'
import type * as CircuitBreaker from '../../src/rules/code/circuit-breaker/fixed.ts'
import type * as Deadline from '../../src/rules/code/deadline-propagation/fixed.ts'
import type * as EventDriven from '../../src/rules/code/event-driven/fixed.ts'
import type * as LoadShedding from '../../src/rules/code/load-shedding/fixed.ts'
import type * as NoTimeoutHandler from '../../src/rules/code/no-timeout-handler/fixed.ts'
import type * as NoTimeoutHttp from '../../src/rules/code/no-timeout-http/fixed.ts'
import type * as NoTimeoutJob from '../../src/rules/code/no-timeout-job/fixed.ts'
import type * as Realtime from '../../src/rules/code/realtime-resume/fixed.ts'
import type * as RetryJitter from '../../src/rules/code/retry-backoff-jitter/fixed.ts'
import type * as RetryEffect from '../../src/rules/code/retry-non-idempotent/fixed.ts'
import type * as RetryLayers from '../../src/rules/code/retry-two-layers/fixed.ts'
import type * as RetryEndless from '../../src/rules/code/retry-without-backoff/fixed.ts'
import type * as Saga from '../../src/rules/code/saga/fixed.ts'
import type * as Synchronous from '../../src/rules/code/synchronous-everything/fixed.ts'
import type * as Tracing from '../../src/rules/code/tracing/fixed.ts'
import type * as WebhooksOut from '../../src/rules/code/webhooks-out/fixed.ts'
import { executes, listening, never, settles } from './pair.ts'

const fails = () => Promise.reject(new Error('down'))

executes<typeof NoTimeoutHttp>('no-timeout-http', async ({ isUp }) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const call = isUp(`http://127.0.0.1:${port}`, 50)
  const settled = await settles(call)
  silent.closeAllConnections()
  silent.close()
  await call.catch(() => undefined)
  assert.ok(settled, 'The call waits for a server that says nothing.')
})

executes<typeof NoTimeoutHandler>('no-timeout-handler', async ({ serve }) => {
  const answer = serve(never, 20)
  assert.ok(await settles(answer))
  assert.equal((await answer).status, 503)
})

executes<typeof NoTimeoutJob>('no-timeout-job', async ({ workThrough }) => {
  const work = workThrough([{ run: never }, { run: async () => undefined }], 20)
  assert.ok(await settles(work), 'One job holds up all others.')
  assert.deepEqual(await work, ['timed out', 'done'])
})

executes<typeof RetryEndless>('retry-without-backoff', async ({ read }) => {
  let calls = 0
  const downForLong = await listening((request, response) => {
    calls += 1
    if (calls < 30) request.socket.destroy()
    else response.end('up again')
  })
  await read(downForLong.url, async () => undefined).catch(() => undefined)
  downForLong.close()
  assert.ok(calls <= 5, `${calls} calls`)
})

executes<typeof RetryJitter>('retry-backoff-jitter', async ({ call }) => {
  const waits: number[] = []
  const pause = async (ms: number) => void waits.push(ms)
  let sent = 0
  const answer = (status: number) => async () => {
    sent += 1
    return { status }
  }
  await call(answer(400), pause)
  assert.equal(sent, 1, 'What is wrong stays wrong.')
  for (let clients = 0; clients < 20; clients++) await call(answer(503), pause)
  assert.ok(new Set(waits).size > 5, 'All clients come back at the same moment.')
  assert.ok(sent < 40, `${sent} calls where 21 were asked for`)
})

executes<typeof RetryEffect>('retry-non-idempotent', async ({ charge }) => {
  const charges = new Set<string>()
  let attempt = 0
  const provider = await listening((request, response) => {
    attempt += 1
    charges.add(String(request.headers['idempotency-key'] ?? `charge ${attempt}`))
    // The charge is made, and its answer is lost.
    if (attempt === 1) request.socket.destroy()
    else response.writeHead(201).end()
  })
  assert.equal(await charge(provider.url, 'ord_1'), 201)
  provider.close()
  assert.equal(charges.size, 1)
})

executes<typeof RetryLayers>('retry-two-layers', async ({ runJob }) => {
  let calls = 0
  const call = () => {
    calls += 1
    return fails()
  }
  await runJob(call).catch(() => undefined)
  assert.equal(calls, 3)
})

executes<typeof CircuitBreaker>('circuit-breaker', async ({ createClient }) => {
  let nowMs = 0
  let calls = 0
  const client = createClient(
    () => {
      calls += 1
      return fails()
    },
    () => nowMs,
  )
  for (let requests = 0; requests < 50; requests++) await client()
  assert.ok(calls <= 5, `${calls} calls to what is down`)
  nowMs += 10_001
  await Promise.all([client(), client(), client()])
  assert.equal(calls, 6, 'One probe, not a storm.')
})

executes<typeof Breaker>('breaker-never-closes', async ({ createClient }) => {
  let nowMs = 0
  let isUp = false
  const client = createClient(
    () => (isUp ? Promise.resolve('ok') : fails()),
    () => nowMs,
  )
  for (let requests = 0; requests < 10; requests++) await client()
  isUp = true
  nowMs += 60_000
  assert.equal(await client(), 'ok')
})

executes<typeof Bulkhead>('bulkhead', async ({ createCalls }) => {
  const { slow, fast } = createCalls(10)
  for (let requests = 0; requests < 10; requests++) void slow(never).catch(() => undefined)
  assert.equal(await fast(async () => 'ok').catch(() => 'no place left'), 'ok')
})

executes<typeof LoadShedding>('load-shedding', async ({ createServer: create }) => {
  const serve = create(2)
  const answers = Array.from({ length: 6 }, () => serve(never, 'high'))
  assert.ok(await settles(answers[5] as Promise<number>, 50), 'It waits in a line without an end.')
  assert.equal(await answers[5], 503)
})

executes<typeof Deadline>('deadline-propagation', async ({ checkout }) => {
  let nowMs = 0
  const slow = async (timeoutMs: number) => {
    nowMs += timeoutMs
  }
  await checkout([slow, slow, slow], 2_000, () => nowMs).catch(() => undefined)
  assert.ok(nowMs <= 2_000, `${nowMs} ms for a caller that waits 2,000`)
})

executes<typeof EventDriven>('event-driven', async ({ placeOrder, readFacts }) => {
  const saved: number[] = []
  const save = async ({ id }: { id: number }) => void saved.push(id)
  const effects = { mail: fails, points: save, stock: save }
  const placed = await placeOrder(save, effects, { id: 1 }).then(
    () => true,
    () => false,
  )
  assert.ok(placed, 'The mail server decides whether orders can be placed.')
  assert.deepEqual(await readFacts([{ id: 1 }], effects), ['mail'])
})

executes<typeof Saga>('saga', async ({ bookTrip }) => {
  const booked = new Set<string>()
  const trip = {
    async book(part: string) {
      booked.add(part)
      if (part === 'hotel') throw new Error('the answer was lost')
    },
    cancel: async (part: string) => void booked.delete(part),
  }
  const log: string[] = []
  assert.equal(await bookTrip(trip, log), false)
  assert.deepEqual([...booked], [])
  assert.equal(await bookTrip(trip, log), false, 'Who resumes goes on undoing.')
  assert.deepEqual([...booked], [])
})

executes<typeof Async202>('async-202', async ({ exportOrders }) => {
  const answer = exportOrders(never, 'exp_1')
  assert.ok(await settles(answer, 50))
  assert.equal((await answer).status, 202)
})

executes<typeof Synchronous>('synchronous-everything', async ({ placeOrder }) => {
  const jobs: string[] = []
  const steps = {
    save: async () => undefined,
    renderPdf: fails,
    mailPdf: fails,
    enqueue: async (name: string) => void jobs.push(name),
  }
  assert.equal(await placeOrder(steps).catch(() => 500), 201)
  assert.deepEqual(jobs, ['invoice'])
})

executes<typeof WebhooksOut>('webhooks-out', ({ signed }) => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const sign = (sentAtS: number) =>
    Object.values(signed(secret, 'msg_1', sentAtS, { a: 1 }).headers)
  assert.notEqual(sign(1_000).at(-1), sign(2_000).at(-1), 'An old delivery can be sent again.')
})

executes<typeof Realtime>('realtime-resume', ({ stream }) => {
  const facts = [1, 2, 3, 4].map((id) => ({ id, text: `fact ${id}` }))
  const received = stream(facts, 3, '1').join('')
  assert.match(received, /fact 2[\s\S]*fact 3[\s\S]*fact 4/)
  assert.doesNotMatch(received, /fact 1/)
})

executes<typeof CacheAside>('cache-aside-exact', async ({ nameOf }) => {
  assert.equal(await nameOf('acme', '1', async () => 'Ada'), 'Ada')
  assert.equal(await nameOf('globex', '1', async () => 'Bob'), 'Bob')
})

executes<typeof CacheStale>('cache-without-invalidation', async ({ priceOf, change }) => {
  const kept = new Map<string, string>()
  const redis = {
    get: async (key: string) => kept.get(key) ?? null,
    set: async (key: string, value: string) => kept.set(key, value),
    del: async (key: string) => Number(kept.delete(key)),
  }
  let stored = 100
  const query = async (_sql: string, [, cents]: readonly number[]) => {
    stored = cents ?? stored
    return { rows: [{ cents: stored }] }
  }
  const db = { query } as unknown as Pool
  assert.equal(await priceOf(redis, db, 'A'), 100)
  await change(redis, db, 'A', 120)
  assert.equal(await priceOf(redis, db, 'A'), 120)
})

executes<typeof CacheStampede>('cache-stampede', async ({ page }) => {
  let loads = 0
  const load = async () => {
    loads += 1
    return 'page'
  }
  await Promise.all(Array.from({ length: 100 }, () => page('home', load)))
  assert.equal(loads, 1)
})

executes<typeof CacheLateFill>('cache-late-fill', async ({ createCache }) => {
  const gate = Promise.withResolvers<void>()
  let stored = 'old'
  const cache = createCache(async () => {
    const seen = stored
    await gate.promise
    return seen
  })
  const late = cache.get('price')
  stored = 'new'
  cache.invalidate('price')
  gate.resolve()
  await late
  assert.equal(await cache.get('price'), 'new')
})

executes<typeof ChattyApi>('chatty-api', async ({ home }) => {
  let requests = 0
  await home(async () => {
    requests += 1
    return {}
  })
  assert.equal(requests, 1)
})

executes<typeof Tracing>('tracing', async ({ callStock }) => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  let sent: Record<string, string> = {}
  await callStock(async (headers) => {
    sent = headers
  }, `00-${trace}-b7ad6b7169203331-01`)
  assert.match(
    sent.traceparent ?? '',
    new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`),
  )
})
