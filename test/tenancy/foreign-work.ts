/** Jobs and events of `acme` with payloads of `globex`, as a mixed-up enqueuer would leave them. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { actJob, runJob, runSubscription } from '../../src/operation/execute-work.ts'
import { ProblemError } from '../../src/operation/problem.ts'
import type { RegisteredJob, RegisteredSubscription } from '../../src/operation/registered.ts'
import { CANARY, type TwoTenants } from './two-tenants.ts'

const AT = '2026-01-01T00:00:00.000000Z'

async function payloadOf(tenants: TwoTenants, from: string, name: string): Promise<unknown> {
  const [row] = await tenants.admin<{ payload: unknown }>(
    `SELECT payload FROM holdfast.${from} WHERE tenant = 'globex' AND name = $1 LIMIT 1`,
    [name],
  )
  assert.ok(row, `globex has left no ${name} in ${from}`)
  return row.payload
}

const work = () => ({
  tenant: 'acme',
  requestId: 'mixed-up',
  traceparent: undefined,
  signal: new AbortController().signal,
})

export async function runForeignJob(tenants: TwoTenants, job: RegisteredJob): Promise<void> {
  const { name, contract, handler } = job
  const { runtime } = tenants.shop.running
  const facts = { name, queue: contract.queue, attempt: 1, attemptsMax: 1, enqueuedAt: AT }
  const payload = await payloadOf(tenants, 'job_history', name)
  const asked = { ...work(), ...facts, id: randomUUID(), key: undefined, payload }
  const mails = tenants.shop.mails.count
  const run =
    handler.act === undefined ? runJob(runtime, job, asked, []) : actJob(runtime, job, asked)
  // It may refuse, as it finds nothing; what it leaves is looked at afterwards.
  const failure: unknown = await run.then(
    () => undefined,
    (error) => error,
  )
  assert.ok(!String(failure).includes(CANARY), String(failure))
  assert.ok(failure === undefined || failure instanceof ProblemError, `${name}: ${String(failure)}`)
  assert.equal(tenants.shop.mails.count, mails, `${name} has sent a mail`)
}

export async function runForeignEvent(
  tenants: TwoTenants,
  subscription: RegisteredSubscription,
): Promise<void> {
  const { name } = subscription.event
  const payload = await payloadOf(tenants, 'events', name)
  const facts = { id: randomUUID(), name, key: undefined, position: '1', at: AT, payload }
  const { runtime } = tenants.shop.running
  await runSubscription(runtime, subscription, { ...work(), ...facts }, []).catch(() => {})
}
