import assert from 'node:assert/strict'
import { test } from 'node:test'
import { advise } from './advice.ts'
import { factsOf } from './database-facts.ts'
import { decisions } from './decisions/decisions.ts'
import { citeSource, sourceState } from './source.ts'
import { adviceLines } from './text.ts'

test('a source that nobody has looked at for a year is stale, by the clock that is handed in', () => {
  const source = { title: 'Prices', url: 'https://example.org/', checked: '2026-01-31' } as const
  const at = (day: string) => citeSource(source, Date.parse(day))
  assert.deepEqual([at('2026-02-01').ageDays, at('2026-02-01').stale], [1, false])
  assert.equal(at('2027-01-31').stale, false)
  assert.equal(at('2027-02-01').stale, true)
  assert.equal(at('2025-01-01').ageDays, 0)
})

test('a clock that is behind does not make a source look fresh', () => {
  const source = { title: 'Prices', url: 'https://example.org/', checked: '2026-01-31' } as const
  const at = (day: string) => sourceState(citeSource(source, Date.parse(day)))
  assert.equal(at('2026-01-30'), 'checked 2026-01-31')
  assert.equal(
    at('1970-01-01'),
    'checked 2026-01-31, later than today: is the clock of this machine right?',
  )
  assert.equal(at('2027-06-01'), 'STALE: checked 2026-01-31, look again')
})

test('advice marks sources that have gone stale', () => {
  const [one] = decisions
  assert.ok(one)
  const linesAt = (day: string) => adviceLines(advise(one, new Map(), Date.parse(day))).join('\n')
  assert.doesNotMatch(linesAt('2026-12-01'), /STALE/)
  assert.match(linesAt('2028-01-01'), /pgvector, README \(STALE: checked 2026-11-21, look again\)/)
})

test('rates are read only from statistics that are old enough, ratios only from enough reads', () => {
  const numbers = {
    databaseBytes: 2.5e9,
    largestTableBytes: 1e9,
    largestTableRows: 12_345,
    rowsWritten: 72_000,
    statisticsSeconds: 7_200,
    blocksHit: 98_000,
    blocksRead: 2_000,
    tenants: 31,
  }
  const values = (changes: Partial<typeof numbers>) =>
    Object.fromEntries(
      [...factsOf({ ...numbers, ...changes })].map(([id, { value }]) => [id, value]),
    )
  assert.deepEqual(values({}), {
    dataGb: 2.5,
    largestTableGb: 1,
    listRows: 12_345,
    writesPerSecond: 40,
    cacheHitPercent: 98,
    tenants: 31,
  })
  assert.equal('writesPerSecond' in values({ statisticsSeconds: 600 }), false)
  assert.equal('cacheHitPercent' in values({ blocksHit: 98, blocksRead: 2 }), false)
})
