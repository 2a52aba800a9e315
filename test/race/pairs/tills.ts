/** Tills that money is taken from: an app without a seed, sound, and with a race in one command. */
import { z } from 'zod'
import { prefixedId, uuidv7 } from '../../../src/base/id.ts'
import { sql } from '../../../src/database/sql.ts'
import { holdfast } from '../../../src/operation/builder.ts'
import { defineCommand } from '../../../src/operation/contract.ts'
import { conflict, notFound } from '../../../src/operation/problem.ts'
import { may } from '../../../src/operation/rule.ts'

const ids = prefixedId('til')
const till = z.string().regex(ids.pattern)

export const OpenTill = defineCommand({
  name: 'tills.open-till',
  input: z.object({ name: z.string().min(1).max(50), cents: z.int().min(0).max(100_000) }),
  output: z.object({ id: till }),
})
export const TakeOut = defineCommand({
  name: 'tills.take-out',
  input: z.object({
    till,
    cents: z.int().min(1),
    note: z.string().max(50).optional(),
    tags: z.array(z.string()).max(3).optional(),
  }),
  output: z.object({ left: z.int() }),
  problems: { noSuchTill: notFound('No such till'), notEnough: conflict('Not enough in it') },
})
export const RenameTill = defineCommand({
  name: 'tills.rename-till',
  input: z.object({ till, name: z.string().min(1).max(50) }),
  output: z.object({}),
  problems: { noSuchTill: notFound('No such till') },
})
/** Touches nothing that the others touch. */
export const PutUp = defineCommand({
  name: 'tills.put-up',
  input: z.object({ text: z.string().min(1).max(200) }),
  output: z.object({}),
})

export const sound = appOf('serializable')
/** Its take-out decides on what it has read, at READ COMMITTED. */
export const racy = appOf('read committed')

function appOf(isolation: 'serializable' | 'read committed') {
  const tills = holdfast<{ db: Record<never, never> }>()
  const module = tills.defineModule({
    name: 'tills',
    migrations: new URL('./migrations/', import.meta.url),
  })
  const allow = may('tills:write')
  const openTill = tills.handle(OpenTill, {
    allow,
    async run({ input: { name, cents }, tx }) {
      const id = uuidv7()
      tx.defer(sql`INSERT INTO tills (id, name, cents) VALUES (${id}, ${name}, ${cents})`)
      return { id: ids.encode(id) }
    },
  })
  const takeOut = tills.handle(TakeOut, {
    allow: ({ principal }) => principal.roles.includes('cashier'),
    isolation,
    async run({ input, tx, fail }) {
      const id = ids.decode(input.till)
      const [row] = await tx.query(sql<{ cents: number }>`SELECT cents FROM tills WHERE id = ${id}`)
      if (row === undefined) throw fail.noSuchTill()
      const left = row.cents - input.cents
      if (left < 0) throw fail.notEnough()
      await tx.query(sql`UPDATE tills SET cents = ${left} WHERE id = ${id}`)
      tx.defer(sql`INSERT INTO till_moves (id, till_id, cents, note)
        VALUES (${uuidv7()}, ${id}, ${-input.cents}, ${input.note ?? null})`)
      return { left }
    },
  })
  const renameTill = tills.handle(RenameTill, {
    allow,
    async run({ input, tx, fail }) {
      const renamed = await tx.query(
        sql`UPDATE tills SET name = ${input.name} WHERE id = ${ids.decode(input.till)} RETURNING id`,
      )
      if (renamed.length === 0) throw fail.noSuchTill()
      return {}
    },
  })
  const putUp = tills.handle(PutUp, {
    allow,
    async run({ input, tx }) {
      tx.defer(sql`INSERT INTO notices (id, text) VALUES (${uuidv7()}, ${input.text})`)
      return {}
    },
  })
  return tills.defineApp({ modules: [{ module, openTill, takeOut, renameTill, putUp }] })
}
