/**
 * Fourteen writers that lock each other's rows and commit in another order than they append: no event
 * is skipped or brought twice, and the events of a key come in the order in which its row was changed.
 *
 * The model is the row itself: each change adds one to its version and appends an event with that
 * version under the row's key. What a subscription has seen of a key must be 1, 2, 3 … up to the row.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { runAsLoops } from '../../src/database/as-loops.ts'
import { Pool } from '../../src/database/pool.ts'
import type { Transaction } from '../../src/database/transaction.ts'
import { appendEvents } from '../../src/state/event/event.ts'
import type { Relay } from '../../src/state/event/relay.ts'
import {
  drain,
  type Effect,
  effectHandler,
  effectsOf,
  eventDatabase,
  newEvent,
  newRelay,
  ownerRows,
} from '../../src/testing/event-bench.ts'
import { appTransaction, type StateDatabase } from '../../src/testing/state-database.ts'

const WRITERS = 14
const ROWS = 8
const TRANSACTIONS_EACH = 40
const EVENT = 'ledger.changed'

let database: StateDatabase
let writing: Pool
before(async () => {
  database = await eventDatabase()
  writing = new Pool({ url: database.url, connectionsMax: WRITERS, applicationName: 'writers' })
})
after(async () => {
  await writing.close()
  await database.drop()
})

class GivenUp extends Error {}

/** A few round trips: writers that drew later overtake. */
async function linger(tx: Transaction): Promise<void> {
  for (let trips = randomInt(0, 4); trips > 0; trips--)
    await tx.query({ text: 'SELECT 1', values: [] })
}

async function change(tx: Transaction, id: number): Promise<number> {
  const text = 'UPDATE public.ledger SET version = version + 1 WHERE id = $1 RETURNING version'
  const { rows } = await tx.query<{ version: number }>({ text, values: [id] })
  return rows[0]?.version as number
}

/** Positions drawn by each transaction, in the order of their commits. */
const committed: number[] = []

/** Rows in one order: deadlocks would be found, and repeated, but only after a second each. */
async function writeOnce(tx: Transaction): Promise<number> {
  const ids = new Set(Array.from({ length: randomInt(1, 4) }, () => randomInt(0, ROWS)))
  const events = []
  for (const id of [...ids].sort()) {
    events.push(newEvent(EVENT, `row-${id}`, await change(tx, id)))
  }
  await linger(tx)
  const { text, values } = appendEvents(events)
  const { rows } = await tx.query<{ position: number }>({
    text: `${text} RETURNING position`,
    values,
  })
  await linger(tx)
  if (randomInt(0, 10) === 0) throw new GivenUp()
  return rows[0]?.position as number
}

async function writeAll(): Promise<void> {
  committed.length = 0
  const writer = async () => {
    for (let n = 0; n < TRANSACTIONS_EACH; n++) {
      await appTransaction(writing, 'acme', writeOnce, 'read committed').then(
        (position) => committed.push(position),
        (error) => assert.ok(error instanceof GivenUp, error),
      )
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, writer))
  const late = committed.filter((position, n) => position < (committed[n - 1] ?? 0))
  // Otherwise all of this would prove nothing.
  assert.ok(late.length > 0, 'every transaction has committed in the order of its positions')
}

async function freshLedger(): Promise<void> {
  await database.pool.run([
    { text: 'DROP TABLE IF EXISTS public.ledger', values: [] },
    { text: 'CREATE TABLE public.ledger (id int PRIMARY KEY, version int NOT NULL)', values: [] },
    {
      text: `INSERT INTO public.ledger SELECT i, 0 FROM generate_series(0, ${ROWS - 1}) i`,
      values: [],
    },
    { text: 'TRUNCATE public.effects', values: [] },
  ])
}

async function finalVersions(): Promise<Map<string, number>> {
  const rows = await ownerRows(database, 'SELECT id, version FROM public.ledger')
  return new Map(rows.map((row) => [`row-${row.id}`, row.version as number]))
}

function byKey(effects: readonly Effect[]): Map<string, number[]> {
  const seen = new Map<string, number[]>()
  for (const { key, payload } of effects) {
    seen.set(key as string, [...(seen.get(key as string) ?? []), payload as number])
  }
  return seen
}

async function assertComplete(subscription: string): Promise<void> {
  const seen = byKey(await effectsOf(database, subscription))
  for (const [key, version] of await finalVersions()) {
    const expected = Array.from({ length: version }, (_, n) => n + 1)
    assert.deepEqual(seen.get(key) ?? [], expected, key)
  }
}

describe('14 writers that wait for each other and commit out of order', () => {
  test('a subscription that reads along misses nothing and keeps the order of each key', async () => {
    await freshLedger()
    const handler = effectHandler(database.pool, 'reading.along', [EVENT], { from: 'now' })
    const relay = newRelay(database.pool, [handler], { intervalMs: 10 })
    await relay.register()
    relay.start()
    await writeAll()
    await relay.stop()
    await drain(relay)
    await assertComplete(handler.name)
    await relay.stop()
  })

  test('relays that all believe to hold the lease handle every event once', async () => {
    await freshLedger()
    const handler = effectHandler(database.pool, 'torn.apart', [EVENT], { from: 'now' })
    const moved = { count: 0 }
    const relays = Array.from({ length: 3 }, () =>
      newRelay(database.pool, [handler], {
        intervalMs: 10,
        signals: {
          eventEnded: (_name, _event, ending) => void (ending === 'moved' && moved.count++),
        },
      }),
    )
    await relays[0]?.register()
    for (const relay of relays) relay.start()
    const done = new AbortController()
    const thief = stealLeases(done.signal)
    await writeAll()
    done.abort()
    await thief
    await Promise.all(relays.map((relay) => relay.stop()))
    await drain(relays[0] as Relay)
    await assertComplete(handler.name)
    assert.ok(moved.count > 0, 'no relay ever met another')
    await relays[0]?.stop()
  })
})

/** Every lease runs out at once, all the time. */
async function stealLeases(signal: AbortSignal): Promise<void> {
  const text = `UPDATE holdfast.subscriptions SET lease_until = NULL`
  while (!signal.aborted) await runAsLoops(database.pool, { text, values: [] }).catch(() => {})
}
