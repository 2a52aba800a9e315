import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isUuid, uuidv7 } from '../../base/id.ts'
import { createKeyText, parseKeyText } from './key-text.ts'

/** Made once and written down: stored keys must stay readable. */
const KNOWN = 'hf_live_01934b9c1d2e7abc8def0123456789ab_0123456789ABCDEFGHIJKL3RiUcD'

const environments = fc.stringMatching(/^[a-z][a-z0-9]{0,15}$/)
const keys = environments.map((environment) => createKeyText(environment, uuidv7()))
const letters = fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyzABCXYZ_-. ')

test('a key of the first day is still read', () => {
  assert.deepEqual(parseKeyText(KNOWN), {
    environment: 'live',
    id: '01934b9c-1d2e-7abc-8def-0123456789ab',
  })
})

test('what was made is read back', () => {
  fc.assert(
    fc.property(environments, (environment) => {
      const id = uuidv7()
      assert.deepEqual(parseKeyText(createKeyText(environment, id)), { environment, id })
      assert.ok(isUuid(id))
    }),
  )
})

test('two keys of one id differ in their secret', () => {
  const id = uuidv7()
  const texts = new Set(Array.from({ length: 1000 }, () => createKeyText('dev', id)))
  assert.equal(texts.size, 1000)
})

test('one wrong character anywhere is seen', () => {
  fc.assert(
    fc.property(keys, fc.nat(), letters, (key, at, letter) => {
      const place = at % key.length
      fc.pre(key[place] !== letter)
      assert.equal(parseKeyText(key.slice(0, place) + letter + key.slice(place + 1)), undefined)
    }),
    { numRuns: 1000 },
  )
})

test('two neighbours swapped are seen', () => {
  fc.assert(
    fc.property(keys, fc.nat(), (key, at) => {
      const place = at % (key.length - 1)
      fc.pre(key[place] !== key[place + 1])
      const swapped = `${key[place + 1]}${key[place]}`
      assert.equal(parseKeyText(key.slice(0, place) + swapped + key.slice(place + 2)), undefined)
    }),
    { numRuns: 1000 },
  )
})

test('a part of a key, and a key with something around it, are seen', () => {
  fc.assert(
    fc.property(keys, fc.nat(), (key, length) => {
      assert.equal(parseKeyText(key.slice(0, length % key.length)), undefined)
      for (const around of [` ${key}`, `${key}\n`, `${key}${key}`, `${key}0`, `"${key}"`]) {
        assert.equal(parseKeyText(around), undefined)
      }
    }),
  )
})

test('anything else is no key, however long', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !parseKeyText(text)))
  assert.equal(parseKeyText(`hf_live_${'0'.repeat(10_000_000)}`), undefined)
})
