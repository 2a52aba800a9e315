import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { loopSuite } from '../testing/loop-suite.ts'
import { testSignal } from '../testing/test-signal.ts'
import { silentLog } from './log.ts'
import { Loop, type LoopOptions, type Turn } from './loop.ts'
import { createPruner } from './pruner.ts'

/** Asked-for pauses are kept; the test lets them end. */
function heldClock() {
  const asked = testSignal<number>('pause')
  let end: (() => void) | undefined
  const clock: Clock = {
    ...systemClock,
    after(delayMs, callback) {
      end = callback
      asked.emit(delayMs)
      return () => {
        end = undefined
      }
    },
  }
  return { clock, asked, elapse: () => end?.() }
}

function loopOf(turn: LoopOptions['turn'], more: Partial<LoopOptions> = {}) {
  return new Loop({
    name: 'test',
    clock: systemClock,
    log: silentLog,
    intervalMs: 60_000,
    turn,
    ...more,
  })
}

loopSuite('Loop', (signals) => ({ loop: loopOf(async () => 'idle', { signals }) }))
loopSuite('Loop that always has more', (signals) => ({
  loop: loopOf(
    async () => {
      await new Promise(setImmediate)
      return 'again'
    },
    { signals },
  ),
}))

describe('Loop', () => {
  test('takes one more turn at its end where something was gathered, and outlives its failure', async () => {
    for (const fails of [false, true]) {
      let turns = 0
      const turn = async (): Promise<Turn> => {
        turns++
        if (fails && turns > 1) throw new Error('away')
        return 'idle'
      }
      const { clock, asked } = heldClock()
      const loop = loopOf(turn, { lastTurn: true, clock })
      loop.start()
      await asked.next()
      assert.equal(turns, 1)
      await loop.stop()
      assert.equal(turns, 2)
      await loop.stop()
      assert.equal(turns, 2)
    }
  })

  test('rests for its interval when idle, and goes on at once when there is more', async () => {
    const { clock, asked, elapse } = heldClock()
    const results: Turn[] = ['again', 'again', 'idle', 'idle']
    const turns = testSignal<void>('turn')
    const turn = async () => {
      turns.emit()
      return results.shift() ?? 'idle'
    }
    const loop = loopOf(turn, { clock, intervalMs: 1_000 })
    loop.start()
    const restMs = await asked.next()
    assert.equal(turns.count, 3)
    assert.ok(restMs >= 900 && restMs <= 1_100, `${restMs}`)
    elapse()
    await asked.next()
    assert.equal(turns.count, 4)
    await loop.stop()
  })

  test('a wake ends the rest; one during a turn is not lost', async () => {
    const turns = testSignal<void>('turn')
    const loop = loopOf(async () => {
      turns.emit()
      if (turns.count === 2) loop.wake()
      return 'idle'
    })
    loop.start()
    await turns.next()
    await new Promise(setImmediate)
    loop.wake()
    await turns.next()
    await turns.next()
    await loop.stop()
    assert.equal(turns.count, 3)
  })

  test('a failed turn is logged and waited out, whoever wakes', async () => {
    const { clock, asked, elapse } = heldClock()
    const failed = testSignal<Record<string, unknown>>('log')
    const log = { ...silentLog, error: (fields: object) => failed.emit({ ...fields }) }
    let turns = 0
    const loop = loopOf(
      async () => {
        turns++
        throw new Error('no database')
      },
      { clock, log },
    )
    loop.start()
    assert.match(String((await failed.next()).error), /no database/)
    await asked.next()
    loop.wake()
    await new Promise(setImmediate)
    assert.equal(turns, 1)
    elapse()
    assert.equal((await failed.next()).failures, 2)
    await asked.next()
    await loop.stop()
  })

  test('runOnce hands its error to who asked', async () => {
    const loop = loopOf(() => Promise.reject(new Error('broken')))
    await assert.rejects(loop.runOnce(), /broken/)
  })

  test('a turn learns that the loop is being stopped', async () => {
    const started = testSignal<void>('started')
    const loop = loopOf(async (signal) => {
      started.emit()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      throw new Error('cut short')
    })
    loop.start()
    await started.next()
    await loop.stop()
  })
})

describe('pruner', () => {
  test('goes on while batches are full', async () => {
    const left = { rows: 25 }
    const prune = async (rowsMax: number) => {
      const removed = Math.min(rowsMax, left.rows)
      left.rows -= removed
      return removed
    }
    const options = { name: 'pruner', clock: systemClock, log: silentLog, rowsMax: 10 }
    const pruner = createPruner({ ...options, prune })
    const results = [await pruner.runOnce(), await pruner.runOnce(), await pruner.runOnce()]
    assert.deepEqual(results, ['again', 'again', 'idle'])
    assert.equal(left.rows, 0)
  })
})
