import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  currency,
  formatMoney,
  LINES_MAX,
  PRICE_MINOR_MAX,
  priceMinor,
  QUANTITY_MAX,
  totalMinor,
} from './money.ts'

const line = fc.record({
  price_minor: fc.integer({ min: 0, max: PRICE_MINOR_MAX }),
  quantity: fc.integer({ min: 1, max: QUANTITY_MAX }),
})

test('a total is exact at every price, quantity and number of lines that is allowed', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: LINES_MAX }), (lines) => {
      const exact = lines.reduce(
        (sum, { price_minor, quantity }) => sum + BigInt(price_minor) * BigInt(quantity),
        0n,
      )
      assert.equal(BigInt(totalMinor(lines)), exact)
      assert.ok(Number.isSafeInteger(totalMinor(lines)))
    }),
  )
  const dearest = { price_minor: PRICE_MINOR_MAX, quantity: QUANTITY_MAX }
  assert.ok(Number.isSafeInteger(totalMinor(Array(LINES_MAX).fill(dearest))))
})

test('prices are whole minor units within their bounds', () => {
  for (const wrong of [-1, 0.5, PRICE_MINOR_MAX + 1, Number.NaN, '1'])
    assert.equal(priceMinor.safeParse(wrong).success, false, String(wrong))
  for (const right of [0, 1, PRICE_MINOR_MAX]) assert.ok(priceMinor.safeParse(right).success)
})

test('a currency is an active ISO 4217 code', () => {
  for (const wrong of ['EURO', 'eur', 'DEM', 'XXX', '', 978])
    assert.equal(currency.safeParse(wrong).success, false, String(wrong))
  for (const right of ['EUR', 'USD', 'JPY']) assert.ok(currency.safeParse(right).success)
})

test('an amount is written with the decimals of its currency', () => {
  assert.equal(formatMoney(1999, 'EUR'), '19.99 EUR')
  assert.equal(formatMoney(5, 'EUR'), '0.05 EUR')
  assert.equal(formatMoney(0, 'EUR'), '0.00 EUR')
  assert.equal(formatMoney(500, 'JPY'), '500 JPY')
  assert.equal(formatMoney(1, 'KWD'), '0.001 KWD')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (minor) => {
      assert.equal(
        formatMoney(minor, 'EUR')
          .replace('.', '')
          .replace(/^0+(?=\d)/, ''),
        `${minor} EUR`,
      )
    }),
  )
})
