import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Clock, systemClock } from '../../base/clock.ts'
import { HoldfastError } from '../../base/fault.ts'
import { Pool } from '../../database/pool.ts'
import type { Rows } from '../../database/statement.ts'
import { silentLog } from '../../runtime/log.ts'
import { enqueue, jobHandler, newJob, newWorker, tableRows } from '../../testing/job-bench.ts'
import { StateDatabase } from '../../testing/state-database.ts'
import { testGate, testSignal } from '../../testing/test-signal.ts'
import { Settler } from './settler.ts'

/** Loses the database while it is told to. */
class CutPool extends Pool {
  cut = false
  readonly refused = testSignal<void>('refused')

  override run(...given: Parameters<Pool['run']>): Promise<Rows[]> {
    if (!this.cut) return super.run(...given)
    this.refused.emit()
    return Promise.reject(new HoldfastError('HF_DATABASE_UNAVAILABLE'))
  }
}

/** A hundred times as fast. */
const fastClock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs / 100, callback),
}

let database: StateDatabase
let pool: CutPool
before(async () => {
  database = await StateDatabase.make()
  pool = new CutPool({ url: database.url })
})
after(async () => {
  await pool.close()
  await database.drop()
})

async function startOne(name: string, drainMs: number) {
  const begun = testSignal<void>('begun')
  const gate = testGate()
  await enqueue(database, newJob(name))
  const handler = jobHandler(name, async () => {
    begun.emit()
    await gate.passed
  })
  const worker = newWorker({ pool }, [handler], { clock: fastClock, drainMs })
  const running = worker.runOnce()
  await begun.next()
  return { worker, running, gate }
}

describe('a worker that loses its database', () => {
  test('settles what has ended as soon as it is back', async () => {
    const { worker, running, gate } = await startOne('settled.later', 1_000)
    pool.cut = true
    gate.open()
    await pool.refused.next()
    await pool.refused.next()
    pool.cut = false
    await running
    assert.equal(worker.counters.done, 1)
    await worker.stop()
    assert.deepEqual(await tableRows(database, 'running_jobs'), [])
  })

  test('stops all the same, and leaves its job to the rescuer', async () => {
    const { worker, running, gate } = await startOne('given.up', 0)
    pool.cut = true
    const stopped = worker.stop()
    gate.open()
    await stopped
    await running
    assert.equal(worker.counters.lost, 1)
    pool.cut = false
    assert.equal((await tableRows(database, 'running_jobs')).length, 1)
  })
})

describe('settler', () => {
  test('a settlement that cannot be written holds up no other', async () => {
    const settler = new Settler({ pool, clock: fastClock, log: silentLog })
    // No lease is like this: the server refuses the statement, always.
    const impossible = settler.settle({ kind: 'done', lease: Number.NaN })
    const other = settler.settle({ kind: 'done', lease: 4711 })
    assert.equal(await other, 'lost')
    settler.abandon()
    assert.equal(await impossible, 'lost')
  })
})
