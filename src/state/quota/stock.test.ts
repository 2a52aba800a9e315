import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Account } from './account.ts'
import { policyFacts } from './policy.ts'
import { Stock } from './stock.ts'

test('a slot can be taken until it starts, and not after', () => {
  const stock = new Stock(10)
  stock.add(100, 3)
  assert.equal(stock.count(100), 3)
  assert.equal(stock.count(100.001), 2)
  assert.equal(stock.count(110), 2)
  assert.ok(stock.take(110))
  assert.equal(stock.count(110), 1)
  assert.equal(stock.count(120.5), 0)
  assert.ok(!stock.take(120.5))
})

test('it does what a list of slots would do', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ take: fc.constant(true), afterMs: fc.integer({ min: 0, max: 40 }) }),
      fc.record({
        inMs: fc.integer({ min: -20, max: 100 }),
        count: fc.integer({ min: 0, max: 8 }),
      }),
    ),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), steps, (intervalMs, all) => {
      const stock = new Stock(intervalMs)
      let slots: number[] = []
      let nowMs = 0
      let endMs = 0
      for (const step of all) {
        if ('take' in step) {
          nowMs += step.afterMs
          slots = slots.filter((startMs) => startMs >= nowMs)
          assert.equal(stock.count(nowMs), slots.length)
          assert.equal(stock.take(nowMs), slots.shift() !== undefined)
        } else {
          const firstMs = Math.max(endMs, nowMs + step.inMs)
          endMs = firstMs + step.count * intervalMs
          stock.add(firstMs, step.count)
          for (let n = 0; n < step.count; n++) slots.push(firstMs + n * intervalMs)
        }
      }
    }),
  )
})

test('what the database grants is dated from the moment it was asked, not from its answer', () => {
  const rate = { count: 1, windowMs: 1000 }
  const facts = policyFacts({ name: 'test', rate, burst: 60, exact: false })
  const account = new Account(facts, 'subject')
  const ask = { debt: 0, need: 0, ahead: 3, waiters: [] }
  const databaseMs = 1_700_000_000_000
  const grant = { granted: 3, nowMs: databaseMs, tatMs: databaseMs + 3000 }
  account.settle(ask, grant, 100, 101)
  assert.ok(account.take(101))
  assert.ok(account.take(101))
  assert.ok(!account.take(101))
})
