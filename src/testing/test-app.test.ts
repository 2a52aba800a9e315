import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { notesApp, ReadNote, WriteNote } from '../../test/telemetry/notes-app.ts'
import { type TestApp, testApp } from './test-app.ts'
import { type TestCaller, TestProblem } from './test-caller.ts'

describe('an app under test', () => {
  let app: TestApp
  let ada: TestCaller
  before(async () => {
    app = await testApp(notesApp)
    ada = await app.caller('acme', { permissions: ['notes:write'] })
  })
  after(() => app.stop())

  test('is called by contract, with its types; nothing happens until it is settled', async () => {
    const { id } = await ada.call(WriteNote, { text: 'hello' })
    assert.deepEqual(await ada.call(ReadNote, { id }), { id, text: 'hello', readers: 0 })
    await app.settle()
    assert.equal((await ada.call(ReadNote, { id })).readers, 11)
  })

  test('a problem is thrown by call and returned by ask', async () => {
    const refused = ada.call(WriteNote, { text: 'again', fail: 'problem' })
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof TestProblem)
      assert.deepEqual([error.status, error.code], [409, 'taken'])
      return true
    })
    const reply = await ada.ask('POST /v1/notes', { body: { text: 1 } })
    assert.equal(reply.status, 422)
    assert.equal((await ada.ask('GET /v1/notes/x')).status, 422)
  })

  test('the same key gives the same bytes', async () => {
    const options = { body: { text: 'once' }, idempotencyKey: 'once' }
    const first = await ada.ask('POST /v1/notes', options)
    const second = await ada.ask('POST /v1/notes', options)
    assert.equal(second.text, first.text)
    assert.equal(second.headers.get('idempotency-replayed'), 'true')
  })

  test('a COMMIT whose answer is lost is answered all the same', async () => {
    const text = 'survives'
    // One statement is awaited: the second trip is the closing one.
    const struck = app.faults.cutTrip('unanswered', { skip: 1 })
    const { id } = await ada.call(WriteNote, { text })
    await struck
    const rows = await app.rows('acme', {
      text: 'SELECT id FROM notes WHERE text = $1',
      values: [text],
    })
    assert.deepEqual(rows, [{ id }])
  })

  test('what waits for its time is made due; what fails is in the log', async () => {
    await app.settle()
    await ada.call(WriteNote, { text: 'unprintable' })
    await app.settle()
    const failures = () => app.log.lines.filter(({ message }) => /^A job failed/.test(message))
    assert.deepEqual(
      failures().map(({ level }) => level),
      ['warn'],
    )
    await app.makeDue()
    await app.settle()
    assert.deepEqual(
      failures().map(({ level }) => level),
      ['warn', 'error'],
    )
  })

  test('the test can move the time of the process ahead', async () => {
    const before = app.running.runtime.clock.now()
    app.clock.advance(3_600_000)
    assert.ok(app.running.runtime.clock.now() >= before + 3_600_000)
    await ada.call(WriteNote, { text: 'an hour later' })
  })

  test('tenants are apart', async () => {
    const { id } = await ada.call(WriteNote, { text: 'mine' })
    const bob = await app.caller('globex', { permissions: ['notes:write'] })
    await assert.rejects(bob.call(ReadNote, { id }), /404 no-note/)
    assert.deepEqual(await app.rows('globex', { text: 'SELECT id FROM notes', values: [] }), [])
  })
})
