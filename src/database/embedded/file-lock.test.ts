import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { withFileLock } from './file-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const TIMEOUT_MS = 10_000

test('one at a time, and free afterwards, after a failure too', async () => {
  const path = join(folder, 'one')
  let inside = 0
  const turn = () =>
    withFileLock(path, TIMEOUT_MS, async () => {
      assert.equal(++inside, 1)
      await new Promise(setImmediate)
      inside--
    })
  await Promise.all([turn(), turn(), turn()])
  await assert.rejects(
    withFileLock(path, TIMEOUT_MS, () => Promise.reject(new Error('failed'))),
    /failed/,
  )
  assert.ok(!existsSync(path))
})

test('the lock of a dead process is taken over', async () => {
  const path = join(folder, 'dead')
  mkdirSync(path)
  writeFileSync(join(path, 'pid'), String(spawnSync('true').pid))
  assert.equal(await withFileLock(path, TIMEOUT_MS, async () => 'done'), 'done')
})

test('a lock whose holder died before it wrote its pid is taken over once it is old', async () => {
  const path = join(folder, 'pidless')
  mkdirSync(path)
  utimesSync(path, 0, 0)
  assert.equal(await withFileLock(path, TIMEOUT_MS, async () => 'done'), 'done')
})

test('the lock of a living process is waited for, and not for ever', async () => {
  const path = join(folder, 'held')
  mkdirSync(path)
  writeFileSync(join(path, 'pid'), String(process.pid))
  await assert.rejects(
    withFileLock(path, 1, async () => {}),
    { code: 'HF_EMBEDDED_TIMEOUT' },
  )
})
