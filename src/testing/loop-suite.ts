/** What every loop must stand, whatever it does in its turns: registered beside its own tests. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LoopSignals, Runnable } from '../runtime/loop.ts'
import { testSignal } from './test-signal.ts'

export interface LoopUnderTest {
  readonly loop: Runnable
  /** Gives back what the loop worked with; the loop is stopped by then. */
  dispose?(): Promise<void>
}

/** `make` builds the loop with these hooks in it. */
export function loopSuite(
  name: string,
  make: (signals: LoopSignals) => Promise<LoopUnderTest> | LoopUnderTest,
): void {
  const scenario = (title: string, run: (bench: Bench) => Promise<void>) =>
    test(title, async () => {
      const bench = await Bench.set(make)
      try {
        await run(bench)
      } finally {
        await bench.clear()
      }
    })

  describe(`${name}: any loop`, () => {
    scenario('stops before it was started', async ({ loop }) => {
      await loop.stop()
      await loop.stop()
    })

    scenario('runs when started, once however often it is started', async ({ loop, started }) => {
      loop.start()
      loop.start()
      await started.next()
      await loop.stop()
    })

    scenario('may be stopped twice, at once and one after the other', async (bench) => {
      bench.loop.start()
      await bench.started.next()
      await Promise.all([bench.loop.stop(), bench.loop.stop()])
      await bench.loop.stop()
      bench.assertAtRest()
    })

    scenario('stopped mid-turn, it ends the turn and begins no other', async (bench) => {
      bench.loop.start()
      await bench.started.next()
      await bench.loop.stop()
      bench.assertAtRest()
      const turns = bench.started.count
      bench.loop.wake()
      await new Promise(setImmediate)
      assert.equal(bench.started.count, turns)
    })

    scenario('starts again after a stop, and during one', async (bench) => {
      bench.loop.start()
      await bench.started.next()
      const stopping = bench.loop.stop()
      bench.loop.start()
      await stopping
      const turns = bench.started.count
      bench.loop.wake()
      while (bench.started.count <= turns) await bench.started.next()
      await bench.loop.stop()
      bench.assertAtRest()
    })

    scenario('takes one turn when asked to, and a turn never overlaps another', async (bench) => {
      bench.loop.start()
      await Promise.all([bench.loop.runOnce(), bench.loop.runOnce()])
      await bench.loop.stop()
      assert.equal(bench.overlaps, 0)
    })
  })
}

class Bench {
  readonly loop: Runnable
  readonly started: ReturnType<typeof testSignal<void>>
  readonly #counters: Counters
  readonly #dispose: (() => Promise<void>) | undefined

  private constructor(made: LoopUnderTest, counters: Counters) {
    this.loop = made.loop
    this.started = counters.started
    this.#counters = counters
    this.#dispose = made.dispose
  }

  static async set(
    make: (signals: LoopSignals) => Promise<LoopUnderTest> | LoopUnderTest,
  ): Promise<Bench> {
    const counters = new Counters()
    return new Bench(await make(counters.signals), counters)
  }

  get overlaps(): number {
    return this.#counters.overlaps
  }

  assertAtRest(): void {
    assert.equal(this.#counters.open, 0, 'a turn was still going on after stop() had resolved')
    assert.equal(this.overlaps, 0, 'two turns overlapped')
  }

  async clear(): Promise<void> {
    await this.loop.stop()
    await this.#dispose?.()
  }
}

class Counters {
  readonly started = testSignal<void>('turn started')
  open = 0
  overlaps = 0
  readonly signals: LoopSignals = {
    turnStarted: () => {
      if (++this.open > 1) this.overlaps++
      this.started.emit()
    },
    turnEnded: () => {
      this.open--
    },
  }
}
