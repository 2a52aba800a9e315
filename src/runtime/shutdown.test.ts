import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { testClock } from '../testing/test-clock.ts'
import { markAnswered } from './answered-failures.ts'
import { createLog, type Log } from './log.ts'
import { Shutdown } from './shutdown.ts'

function bench() {
  const clock = testClock()
  const lines: { message: string; step?: string }[] = []
  const log: Log = createLog({ level: 'info', write: (line) => lines.push(JSON.parse(line)) })
  const exits: number[] = []
  const shutdown = new Shutdown({ log, clock, exit: (code) => exits.push(code) })
  const source = new EventEmitter()
  const uninstall = shutdown.install(source)
  return { clock, lines, exits, shutdown, source, uninstall }
}

test('steps run in order, each once, and the process ends with 0', async () => {
  const { shutdown, exits, source, lines } = bench()
  const order: string[] = []
  for (const name of ['readiness', 'http', 'loops', 'pool'])
    shutdown.add({ name, timeoutMs: 1000, stop: async () => void order.push(name) })
  source.emit('SIGTERM', 'SIGTERM')
  await shutdown.stop('again')
  assert.deepEqual(order, ['readiness', 'http', 'loops', 'pool'])
  assert.deepEqual(exits, [0])
  const ended = lines.filter(({ message }) => message === 'step ended').map(({ step }) => step)
  assert.deepEqual(ended, order)
})

test('a step that does not end in time is left behind, by name, and the code is 1', async () => {
  const { shutdown, exits, clock, lines } = bench()
  const ended: string[] = []
  shutdown.add({ name: 'loops', timeoutMs: 50, stop: () => new Promise<void>(() => {}) })
  shutdown.add({ name: 'pool', timeoutMs: 50, stop: () => void ended.push('pool') })
  const stopped = shutdown.stop('test')
  clock.advance(50)
  await stopped
  assert.deepEqual(ended, ['pool'])
  assert.deepEqual(exits, [1])
  assert.equal(lines.find(({ message }) => message === 'step did not end in time')?.step, 'loops')
})

test('a step that throws does not keep the others from running', async () => {
  const { shutdown, exits } = bench()
  const ended: string[] = []
  shutdown.add({
    name: 'http',
    timeoutMs: 50,
    stop: () => {
      throw new Error('broken')
    },
  })
  shutdown.add({ name: 'pool', timeoutMs: 50, stop: () => void ended.push('pool') })
  await shutdown.stop('test')
  assert.deepEqual(ended, ['pool'])
  assert.deepEqual(exits, [1])
})

test('a second signal ends the process at once', () => {
  const { shutdown, exits, source } = bench()
  shutdown.add({ name: 'http', timeoutMs: 1000, stop: () => new Promise<void>(() => {}) })
  source.emit('SIGTERM', 'SIGTERM')
  assert.deepEqual(exits, [])
  source.emit('SIGINT', 'SIGINT')
  assert.deepEqual(exits, [1])
})

for (const kind of ['uncaughtException', 'unhandledRejection'])
  test(`${kind} is logged, drains, and ends the process with 1`, async () => {
    const { shutdown, exits, source, lines } = bench()
    const ended: string[] = []
    shutdown.add({ name: 'http', timeoutMs: 50, stop: () => void ended.push('http') })
    source.emit(kind, new Error('nobody caught it'))
    await shutdown.stop('wait')
    assert.deepEqual(ended, ['http'])
    assert.deepEqual(exits, [1])
    assert.match(JSON.stringify(lines[0]), /nobody caught it/)
  })

test('a failure while stopping raises the code, and does not stop again', async () => {
  const { shutdown, exits, source } = bench()
  const { promise, resolve } = Promise.withResolvers<void>()
  let stops = 0
  shutdown.add({
    name: 'http',
    timeoutMs: 1000,
    stop: () => {
      stops++
      return promise
    },
  })
  const stopped = shutdown.stop('SIGTERM')
  source.emit('unhandledRejection', new Error('late'))
  resolve()
  await stopped
  assert.deepEqual([stops, exits], [1, [1]])
})

test('uninstalled, it hears nothing', () => {
  const { shutdown, source, uninstall } = bench()
  uninstall()
  source.emit('SIGTERM', 'SIGTERM')
  assert.equal(shutdown.stopping, false)
})

test('a rejection that an operation is answered with is told, and ends nothing', async () => {
  const { shutdown, exits, source, lines } = bench()
  const failure = new Error('duplicate key')
  markAnswered(failure)
  source.emit('unhandledRejection', failure)
  assert.equal(shutdown.stopping, false)
  assert.match(lines[0]?.message ?? '', /was not awaited/)
  source.emit('unhandledRejection', new Error('any other'))
  await shutdown.stop('test')
  assert.deepEqual(exits, [1])
})
