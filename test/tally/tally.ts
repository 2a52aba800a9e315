/**
 * An app whose every effect can be counted: doing a command twice, or half, shows in its tables.
 * What happens between two statements of a handler is up to the test (`meanwhile`).
 */
import { z } from 'zod'
import { type Sql, sql } from '../../src/database/sql.ts'
import { holdfast } from '../../src/operation/builder.ts'
import { defineCommand, defineEvent, defineJob } from '../../src/operation/contract.ts'
import { conflict, preconditionFailed } from '../../src/operation/problem.ts'
import { may } from '../../src/operation/rule.ts'
import type { UnitOfWork } from '../../src/operation/unit-of-work-types.ts'

/** Called after the first statement of each run of a handler, inside its transaction. */
export type Meanwhile = (facts: { readonly operation: string; readonly name: string }) => unknown

type Tables = object
type Unit = UnitOfWork<Tables>

const tally = holdfast<{ db: Tables; services: { meanwhile: Meanwhile } }>()

const name = z.string().regex(/^[a-z0-9-]{1,60}$/)
const amount = z.int().min(-1000).max(1000)
const Tally = z.object({ name: z.string(), total: z.int(), version: z.int() })
type TallyRow = z.infer<typeof Tally>

const additionProblems = {
  /** Thrown once the tally is written. */
  negative: conflict('Only more is possible'),
  /** Raised by the table. */
  outOfRange: conflict('The total would leave its range', { constraint: 'tallies_total_check' }),
}

export const Add = defineCommand({
  name: 'tally.add',
  http: 'POST /v1/tallies/{name}/add',
  input: z.object({ name, amount }),
  output: Tally,
  problems: additionProblems,
})

/** The same under another name: its keys are others. */
export const AddAgain = defineCommand({
  name: 'tally.add-again',
  http: 'POST /v1/tallies/{name}/add-again',
  input: z.object({ name, amount }),
  output: Tally,
  problems: additionProblems,
})

/** The same, called idempotent by nature although it is not: whether it ran twice can be seen. */
export const Count = defineCommand({
  name: 'tally.count',
  http: 'POST /v1/tallies/{name}/count',
  idempotency: 'natural',
  input: z.object({ name, amount }),
  output: Tally,
  problems: additionProblems,
})

/** Awaits nothing: there is only the closing batch. */
export const Note = defineCommand({
  name: 'tally.note',
  http: 'POST /v1/tallies/{name}/notes',
  idempotency: 'natural',
  input: z.object({ name, amount }),
  output: z.object({}),
})

/** The version that the caller has seen is asked for in the closing batch, behind all the work. */
export const Replace = defineCommand({
  name: 'tally.replace',
  http: 'PUT /v1/tallies/{name}',
  ifMatch: 'required',
  input: z.object({ name, total: amount, declared: z.boolean().default(true) }),
  output: z.object({ name: z.string(), total: z.int() }),
  problems: { tallyChanged: preconditionFailed('The tally has changed') },
})

export const Added = defineEvent({
  name: 'tally.added',
  payload: z.object({ name: z.string(), amount: z.int() }),
  key: (added) => added.name,
})

export const Tell = defineJob({
  name: 'tally.tell',
  payload: z.object({ name: z.string(), amount: z.int() }),
})

type Addition = z.infer<typeof Add.input>

/** One awaited write, and one of each kind that the closing batch carries. */
async function add(
  operation: string,
  tx: Unit,
  input: Addition,
  meanwhile: Meanwhile,
): Promise<TallyRow> {
  const row = await tx.one(raised(input.name, Math.abs(input.amount)))
  await meanwhile({ operation, name: input.name })
  leaveTraces(tx, input)
  return row
}

function leaveTraces(tx: Unit, { name, amount }: Addition): void {
  tx.defer(sql`
    INSERT INTO tally_entries (id, name, amount) VALUES (${tx.id()}, ${name}, ${amount})`)
  tx.emit(Added, { name, amount })
  tx.enqueue(Tell, { name, amount })
}

function raised(name: string, amount: number): Sql<TallyRow> {
  return sql<TallyRow>`
    INSERT INTO tallies AS tally (name, total) VALUES (${name}, ${amount})
    ON CONFLICT (tenant_id, name) DO UPDATE
      SET total = tally.total + excluded.total, version = tally.version + 1
    RETURNING name, total, version`
}

const addHandler = tally.handle(Add, {
  allow: may('tally:write'),
  async run({ input, tx, fail, services }) {
    const row = await add(Add.name, tx, input, services.meanwhile)
    if (input.amount < 0) throw fail.negative()
    return row
  },
})

const addAgainHandler = tally.handle(AddAgain, {
  allow: may('tally:write'),
  run: ({ input, tx, services }) => add(AddAgain.name, tx, input, services.meanwhile),
})

const countHandler = tally.handle(Count, {
  allow: may('tally:write'),
  async run({ input, tx, fail, services }) {
    const row = await add(Count.name, tx, input, services.meanwhile)
    if (input.amount < 0) throw fail.negative()
    return row
  },
})

const noteHandler = tally.handle(Note, {
  allow: may('tally:write'),
  run({ input, tx }) {
    leaveTraces(tx, input)
    return {}
  },
})

const replaceHandler = tally.handle(Replace, {
  allow: may('tally:write'),
  async run({ input, tx, fail, ifMatch, services }) {
    const { name, total, declared } = input
    await tx.query(sql`
      INSERT INTO tally_entries (id, name, amount) VALUES (${tx.id()}, ${name}, ${total})`)
    await services.meanwhile({ operation: Replace.name, name })
    tx.emit(Added, { name, amount: total })
    tx.enqueue(Tell, { name, amount: total })
    const update = sql`
      UPDATE tallies SET total = ${total}, version = version + 1
      WHERE name = ${name} AND version = ${Number(ifMatch)}`
    tx.defer(update, declared ? { rows: 1, otherwise: fail.tallyChanged() } : { rows: 1 })
    return { name, total }
  },
})

const tellHandler = tally.handle(Tell, { run() {} })

const tallyModule = {
  Add,
  AddAgain,
  Count,
  Note,
  Replace,
  Added,
  Tell,
  addHandler,
  addAgainHandler,
  countHandler,
  noteHandler,
  replaceHandler,
  tellHandler,
  module: tally.defineModule({
    name: 'tally',
    migrations: new URL('./migrations/', import.meta.url),
    services: { meanwhile: { start: () => () => {} } },
  }),
}

export const tallyApp = tally.defineApp({ modules: [tallyModule] })
