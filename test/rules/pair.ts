/** The code of a rule on trial: what the fixed code keeps, the broken code must be seen to break. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import fastify, { type FastifyInstance } from 'fastify'

/**
 * Registers one test for a rule. `check` asserts what the rule promises; it must hold for the fixed
 * code, and fail by an assertion, not by accident, for the broken code.
 */
export function executes<Code>(
  id: string,
  check: (code: Code, url: string) => Promise<void> | void,
): void {
  const run = async (file: string) => {
    const { href } = new URL(`../../src/rules/code/${id}/${file}`, import.meta.url)
    const code: Code = await import(href)
    await check(code, href)
  }
  test(`${id}: the broken code fails, the fixed code holds`, async () => {
    await run('fixed.ts')
    const failure = await outcomeOf(() => run('broken.ts'))
    assert.ok(failure !== undefined, 'The broken code holds as well: it shows no fault.')
    if (!(failure instanceof assert.AssertionError)) throw failure
  })
}

async function outcomeOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (error) {
    return error
  }
}

/** Whether it is settled by then: for what should answer and might never. */
export async function settles(promise: Promise<unknown>, withinMs = 250): Promise<boolean> {
  const late = Promise.withResolvers<false>()
  const timer = setTimeout(() => late.resolve(false), withinMs)
  const done = promise.then(
    () => true,
    () => true,
  )
  const settled = await Promise.race([done, late.promise])
  clearTimeout(timer)
  return settled
}

export const never = (): Promise<never> => new Promise(() => undefined)

/** The other side of a call, on loopback. */
export async function listening(
  answer: RequestListener,
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** An application of its own for the routes of an example, closed afterwards. */
export async function served<Result>(
  routes: (app: FastifyInstance) => void,
  ask: (app: FastifyInstance) => Promise<Result>,
): Promise<Result> {
  const app = fastify({ routerOptions: { caseSensitive: false, ignoreTrailingSlash: true } })
  routes(app)
  try {
    return await ask(app)
  } finally {
    await app.close()
  }
}
