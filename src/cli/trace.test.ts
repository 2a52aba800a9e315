import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { notesApp } from '../../test/telemetry/notes-app.ts'
import { type TestApp, testApp } from '../testing/test-app.ts'
import type { TestCaller } from '../testing/test-caller.ts'
import { main } from './main.ts'

describe('holdfast trace', () => {
  let app: TestApp
  let ada: TestCaller
  before(async () => {
    app = await testApp(notesApp)
    ada = await app.caller('acme', { permissions: ['notes:write'] })
  })
  after(() => app.stop())

  async function trace(line: string) {
    const out: string[] = []
    const err: string[] = []
    const code = await main(['trace', ...line.split(' ')], {
      env: { DATABASE_URL: app.database.url },
      cwd: import.meta.dirname,
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
    })
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
  const write = (by: TestCaller, requestId: string, text: string) =>
    by.ask('POST /v1/notes', { body: { text }, headers: { 'x-request-id': requestId } })

  test('one chain, from the request to what its job has done', async () => {
    await write(ada, 'req-chain', 'hello')
    await app.settle()
    const { code, out } = await trace(`req-chain --admin ${app.adminUrl}`)
    assert.equal(code, 0)
    const kinds = out.split('\n').map((line) => line.slice(14).split(' ')[0])
    assert.match(out, /^request req-chain of acme\n/)
    for (const pattern of [
      /audit {5}notes\.write-note {2}ok {2}by key_/,
      /request {3}notes\.write-note {2}201 {2}[\d.]+ ms, 2 round trips/,
      /event {5}notes\.note-written {2}#\d+ {2}key \S+ {2}by notes\.write-note/,
      /delivery {2}notes\.count-reader {2}ok/,
      /attempt {3}notes\.print-note {2}ok, attempt 1/,
      /job {7}notes\.print-note {2}done, attempt 1 {2}by notes\.write-note/,
    ])
      assert.match(out, pattern)
    assert.equal(kinds.length, 7, out)
  })

  test('from the database alone where no process remembers; what failed is told', async () => {
    await write(ada, 'req-fails', 'unprintable')
    await app.settle()
    const waiting = await trace('req-fails --admin http://127.0.0.1:9')
    assert.match(waiting.err, /From the database alone/)
    assert.match(waiting.out, /job {7}notes\.print-note {2}waiting, attempt 1 .*on fire/)
    await app.makeDue()
    await app.settle()
    const dead = await trace('req-fails --admin http://127.0.0.1:9')
    assert.match(dead.out, /job {7}notes\.print-note {2}dead, attempt 2/)
  })

  test('two tenants with one request id are never shown together', async () => {
    const bob = await app.caller('globex', { permissions: ['notes:write'] })
    await write(ada, 'req-both', 'mine')
    await write(bob, 'req-both', 'theirs')
    const both = await trace(`req-both --admin ${app.adminUrl}`)
    assert.equal(both.code, 2)
    assert.match(both.err, /--tenant acme or --tenant globex|--tenant globex or --tenant acme/)
    const { out } = await trace(`req-both --tenant globex --admin ${app.adminUrl}`)
    assert.match(out, /^request req-both of globex\n/)
    assert.match(out, new RegExp(`by ${bob.principal}`))
    assert.doesNotMatch(out, new RegExp(`acme|${ada.principal}`))
  })

  test('of a request that never was nothing is shown', async () => {
    const { code, out, err } = await trace(`req-never --admin ${app.adminUrl}`)
    assert.deepEqual([code, out], [1, ''])
    assert.match(err, /Nothing is known of the request req-never/)
  })
})
