import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goneProcess, noGoneProcess } from '../testing/gone-process.ts'
import { isProcessAlive, isProcessGone, processName } from './process-liveness.ts'

const where = { skip: noGoneProcess }

function pidOf(name: string): number {
  return Number(/:(\d+) /.exec(name)?.[1])
}

test('a process is there until it is killed, and then known to be gone', where, async () => {
  const gone = await goneProcess((name) => {
    assert.ok(isProcessAlive(pidOf(name)))
    assert.ok(!isProcessGone(name))
  })
  assert.ok(!isProcessAlive(pidOf(gone)))
  assert.ok(isProcessGone(gone))
})

test('a number that was given to another process hides nothing', where, () => {
  assert.ok(!isProcessGone(processName()))
  assert.ok(isProcessGone(processName().replace(/\d+$/, '1')))
})

test('of another boot, another namespace or another kind of name nothing is known', async () => {
  const gone = await goneProcess()
  const names = [
    gone.replace(/ ./, ' x'),
    gone.replace(/\/\d+\//, '/1/'),
    gone.replace(/ .*/, ''),
    'web-1:999999 /',
    '019a5f3e-7c1d-7000-8a5b-3f2e1d0c9b8a',
    '',
  ]
  for (const name of names) assert.ok(!isProcessGone(name), name)
})
