/**
 * A process with relay and worker, killed in the middle of its work again and again: what a job or a
 * subscription writes in its transaction is there exactly once, in order per key; nothing is lost.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/base/clock.ts'
import { runAsLoops } from '../../src/database/as-loops.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { createRescuer } from '../../src/state/job/rescuer.ts'
import {
  append,
  effectsOf,
  eventDatabase,
  newEvent,
  ownerRows,
} from '../../src/testing/event-bench.ts'
import { enqueue, expireWorkers, newJob, tableRows } from '../../src/testing/job-bench.ts'
import type { StateDatabase } from '../../src/testing/state-database.ts'

const KILLS = 10
const EVENTS = 300
const JOBS = 300
const ACTS = 60
const FIXTURE = fileURLToPath(new URL('./loops.fixture.ts', import.meta.url))

let database: StateDatabase
before(async () => {
  database = await eventDatabase()
})
after(() => database.drop())

function startLoops(): ChildProcess {
  return spawn(process.execPath, [FIXTURE, database.url], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Kills when so many pieces of work have been begun. */
async function killAfter(begun: number): Promise<void> {
  const loops = startLoops()
  const exited = once(loops, 'exit')
  let left = begun
  for await (const _line of createInterface({ input: loops.stdout as NodeJS.ReadableStream })) {
    if (--left === 0) loops.kill('SIGKILL')
  }
  await exited
}

/** As if the leases of the dead had run out by now. */
async function rescue(): Promise<void> {
  const freed = 'UPDATE holdfast.subscriptions SET lease_until = NULL'
  await runAsLoops(database.pool, { text: freed, values: [] })
  await expireWorkers(database)
  const retrying = 'UPDATE holdfast.jobs SET run_at = clock_timestamp()'
  await runAsLoops(database.pool, { text: retrying, values: [] })
  await createRescuer({ pool: database.pool, clock: systemClock, log: silentLog }).runOnce()
}

async function effects(subscription: string): Promise<number> {
  return (await effectsOf(database, subscription)).length
}

async function isDone(): Promise<boolean> {
  const [waiting] = await runAsLoops(database.pool, {
    text: 'SELECT (SELECT count(*) FROM holdfast.jobs) + (SELECT count(*) FROM holdfast.running_jobs) AS n',
    values: [],
  })
  return waiting?.rows[0]?.n === 0 && (await effects('kill.reader')) >= EVENTS
}

async function finish(): Promise<void> {
  const loops = startLoops()
  const exited = once(loops, 'exit')
  while (!(await isDone()));
  loops.kill('SIGKILL')
  await exited
}

async function timesEach(name: string): Promise<number[]> {
  const counted = `SELECT count(*) AS n FROM public.effects WHERE subscription = '${name}' GROUP BY position`
  return (await ownerRows(database, counted)).map((row) => row.n as number)
}

test('killed again and again, jobs and subscriptions take effect once', async () => {
  await append(
    database,
    ...Array.from({ length: EVENTS }, (_, n) => newEvent('kill.happened', `k${n % 10}`, n)),
  )
  const many = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) => newJob(name, { payload: `${n}`, attemptsMax: 100 }))
  await enqueue(database, ...many('kill.run', JOBS), ...many('kill.act', ACTS))
  let inFlight = 0
  for (let kill = 0; kill < KILLS; kill++) {
    await killAfter(randomInt(5, 30))
    inFlight += (await tableRows(database, 'running_jobs')).length
    await rescue()
  }
  assert.ok(inFlight > 0, 'no kill has hit a running job')
  await finish()

  assert.deepEqual(await timesEach('kill.run'), Array(JOBS).fill(1))
  assert.equal((await timesEach('kill.act')).length, ACTS)
  const seen = await effectsOf(database, 'kill.reader')
  assert.deepEqual(
    seen.map((effect) => effect.payload),
    Array.from({ length: EVENTS }, (_, n) => n),
  )
  assert.deepEqual(await tableRows(database, 'dead_jobs'), [])
})
