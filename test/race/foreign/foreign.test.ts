/**
 * Backends that were written without Holdfast, explored by handing in the pool and nothing else: a
 * race in each is found, and its fix certified.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { exploreRace } from '../../../src/prove/explore-race.ts'
import { type RaceCommand, race } from '../../../src/prove/race.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { bookingService, bookingTables } from './booking-service.ts'
import { voucherService, voucherTables } from './voucher-service.ts'

/** A request over a socket, to a server that lives as long as the request. */
function redeem(customer: string, isFixed: boolean): RaceCommand {
  return async (db) => {
    const server = voucherService(db, isFixed).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { port } = server.address() as AddressInfo
      const response = await fetch(`http://127.0.0.1:${port}/vouchers/TEN/redemptions`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ customer }),
      })
      return { status: response.status, body: await response.json() }
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }
}

const vouchers = (isFixed: boolean) =>
  race({
    schema: voucherTables,
    seed: `INSERT INTO vouchers VALUES ('TEN', 1)`,
    run: { ann: redeem('ann', isFixed), bob: redeem('bob', isFixed) },
    invariants: {
      'a voucher is used once':
        'SELECT code, count(*) FROM redemptions GROUP BY 1 HAVING count(*) > 1',
    },
  })

function book(guest: string, isFixed: boolean): RaceCommand {
  return async (db) => {
    const app = bookingService(db, isFixed)
    const { statusCode, body } = await app.inject({
      method: 'POST',
      url: '/rooms/1/bookings',
      payload: { day: '2026-02-14', guest },
    })
    return { statusCode, body }
  }
}

const bookings = (isFixed: boolean) =>
  race({
    schema: bookingTables,
    seed: `INSERT INTO rooms VALUES (1, 'Lake view')`,
    run: { ann: book('ann', isFixed), bob: book('bob', isFixed) },
    invariants: {
      'one guest a night':
        'SELECT room_id, day, count(*) FROM bookings GROUP BY 1, 2 HAVING count(*) > 1',
    },
  })

test('Express and pg: a voucher is used twice, and once when it is fixed', async () => {
  const server = await testServer()
  const broken = await exploreRace(vouchers(false), { server })
  assert.equal(broken.verdict, 'VIOLATION', JSON.stringify(broken))
  const [finding] = broken.findings
  assert.equal(finding.class, 'lost-update')
  assert.match(finding.message, /"a voucher is used once" does not hold/)
  assert.ok(finding.trace.some(({ place }) => place?.includes('voucher-service.ts')))
  const fixed = await exploreRace(vouchers(true), { server })
  assert.equal(fixed.verdict, 'CERTIFIED', JSON.stringify(fixed))
})

test('Fastify and Kysely: a room is booked twice, and once when it is fixed', async () => {
  const server = await testServer()
  const broken = await exploreRace(bookings(false), { server })
  assert.equal(broken.verdict, 'VIOLATION', JSON.stringify(broken))
  const [finding] = broken.findings
  assert.equal(finding.class, 'phantom')
  assert.ok(finding.trace.some(({ place }) => place?.includes('booking-service.ts')))
  const fixed = await exploreRace(bookings(true), { server })
  assert.equal(fixed.verdict, 'CERTIFIED', JSON.stringify(fixed))
})
