/** What is found on a large input and many rows is shown on as little as it needs. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Arenas } from '../../../src/prove/arena/arenas.ts'
import { exploreRace } from '../../../src/prove/explore-race.ts'
import { fewest } from '../../../src/prove/pairs/fewest.ts'
import { Ground, raceOf } from '../../../src/prove/pairs/ground.ts'
import { pairs } from '../../../src/prove/pairs/pairs.ts'
import { seedRowsOf, seedText } from '../../../src/prove/pairs/seed-text.ts'
import { testServer } from '../../../src/testing/test-database.ts'
import { racy } from './tills.ts'

const server = await testServer()
const arenas = new Arenas(server)
after(() => arenas.close())

const SEED = `SELECT set_config('holdfast.tenant', 'acme', false);
INSERT INTO tills (id, name, cents) SELECT ('01970000-0000-7000-8000-00000000000' || n)::uuid, 'till', 90
  FROM generate_series(1, 4) AS n;
INSERT INTO till_moves (id, till_id, cents) SELECT id, id, 90 FROM tills;
INSERT INTO notices (id, text) SELECT id, 'a' FROM tills`

test('fields, items, numbers and rows go, as long as the finding stays', async () => {
  const all = pairs({ app: racy, seed: SEED })
  const ground = await Ground.open(all, SEED, arenas)
  const rows = seedRowsOf(await ground.tables())
  const call = {
    operation: { name: 'tills.take-out' },
    input: {
      till: 'til_01970000000070008000000000000002',
      cents: 60,
      note: 'for the postman',
      tags: ['a', 'b'],
    },
    asking: { tenant: 'acme', principal: 'ann', roles: ['cashier'] },
  }
  const run = { one: call, two: call }
  const seed = seedText(rows)
  const verdict = await exploreRace(raceOf(all, seed, run), { arenas, server })
  assert.equal(verdict.verdict, 'VIOLATION', JSON.stringify(verdict))
  const least = await fewest(
    { run, seed, verdict },
    { pairs: all, registry: ground.registry, rows, explore: { arenas, server } },
  )
  const inputs = Object.values(least.run).map(({ input }) => input)
  const smallest = { till: 'til_01970000000070008000000000000002', cents: 1 }
  assert.deepEqual(inputs, [smallest, smallest])
  const inserted = String(least.seed).match(/^ {2}\('acme'.*/gm)
  assert.deepEqual(inserted, [`  ('acme', '01970000-0000-7000-8000-000000000002', 'till', 90);`])
  assert.equal(least.verdict.findings[0].class, 'lost-update')
})
