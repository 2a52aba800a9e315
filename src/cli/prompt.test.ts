import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { askThrough } from './prompt.ts'

function terminal() {
  const input = new PassThrough()
  const written: string[] = []
  const output = new Writable({
    write(chunk, _, done) {
      written.push(String(chunk))
      done()
    },
  })
  return { input, shown: () => written.join(''), ask: askThrough(input, output) }
}

test('lines that were typed ahead wait for their questions, until the input ends', async () => {
  const { input, shown, ask } = terminal()
  input.write('records\n\n2k\nye')
  assert.deepEqual([await ask('1? '), await ask('2? '), await ask('3? ')], ['records', '', '2k'])
  assert.equal(shown(), '1? 2? \n3? 2k\n')
  const fourth = ask('4? ')
  input.end('s')
  assert.deepEqual(
    [await fourth, await ask('5? '), await ask('6? ')],
    ['yes', undefined, undefined],
  )
})

test('who ends the input answers nothing', async () => {
  const { input, ask } = terminal()
  const first = ask('1? ')
  input.end()
  assert.deepEqual([await first, await ask('2? ')], [undefined, undefined])
})

test('nothing is read where nobody is asked', async () => {
  const { input, ask } = terminal()
  input.write('one\n')
  await ask('1? ')
  assert.equal(input.isPaused(), true)
})
