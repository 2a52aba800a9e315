/**
 * A small app whose handlers do what a test tells them: each input names a script. Two modules, so
 * that one command can call another's; tables with every kind of constraint that a problem can be.
 */
import { z } from 'zod'
import type { InputOf } from '../base/schema.ts'
import { sql } from '../database/sql.ts'
import { holdfast } from '../operation/builder.ts'
import {
  defineAction,
  defineCommand,
  defineEvent,
  defineJob,
  defineQuery,
} from '../operation/contract.ts'
import type { ActionContext, CommandContext, QueryContext } from '../operation/handler.ts'
import { conflict, forbidden, notFound, preconditionFailed } from '../operation/problem.ts'
import { may } from '../operation/rule.ts'

const Input = z.object({
  script: z.string(),
  value: z.int().optional(),
  at: z.iso
    .datetime()
    .transform((text) => new Date(text))
    .optional(),
})
/** `hidden` is not in it: whatever a handler returns under that name must not leave. */
const Output = z.object({ value: z.int().optional(), note: z.string().optional() })

const problems = {
  idTaken: conflict('The id is taken', { constraint: 'entries_pkey' }),
  slotTaken: conflict('The slot is taken', { constraint: 'entries_slot_key' }),
  shortOf: conflict('Short of something', z.object({ missing: z.int() })),
  notNow: conflict('Not now', { transient: true }),
  secret: forbidden('Secret'),
  stale: preconditionFailed('It has changed'),
  nowhere: notFound('It is nowhere'),
}

const shape = { input: Input, output: Output, problems }

export const Write = defineCommand({ ...shape, name: 'ledger.write' })
export const WriteNaturally = defineCommand({
  ...shape,
  name: 'ledger.write-naturally',
  idempotency: 'natural',
})
export const WriteLoosely = defineCommand({ ...shape, name: 'ledger.write-loosely' })
export const WriteVersioned = defineCommand({
  ...shape,
  name: 'ledger.write-versioned',
  ifMatch: 'required',
  etag: ({ note }) => note ?? '1',
})
export const WriteSecret = defineCommand({ ...shape, name: 'ledger.write-secret', secret: true })
export const WriteLittle = defineCommand({ ...shape, name: 'ledger.write-little' })
export const WriteLimited = defineCommand({ ...shape, name: 'ledger.write-limited' })
export const WriteAround = defineCommand({ ...shape, name: 'ledger.write-around' })
export const Read = defineQuery({ ...shape, name: 'ledger.read' })
export const Act = defineAction({ ...shape, name: 'ledger.act' })
export const ActNaturally = defineAction({
  ...shape,
  name: 'ledger.act-naturally',
  idempotency: 'natural',
})

export const Take = defineCommand({
  name: 'stock.take',
  input: Input,
  output: Output,
  problems: {
    soldOut: conflict('Sold out', { constraint: 'pieces_left_check' }),
    notLeft: conflict('Nothing left', z.object({ sku: z.string() })),
  },
})

export const Written = defineEvent({
  name: 'ledger.written',
  payload: z.object({ value: z.int() }),
  key: ({ value }) => String(value),
})
export const Tidy = defineJob({ name: 'ledger.tidy', payload: z.object({ script: z.string() }) })
export const TidyOutside = defineJob({
  name: 'ledger.tidy-outside',
  payload: z.object({ script: z.string() }),
})

export interface Tables {
  readonly entries: { readonly id: number; readonly note: string; readonly slot: number | null }
  readonly pieces: { readonly sku: string; readonly left_over: number }
}

const builder = holdfast<{ db: Tables }>()
type Services = Readonly<Record<never, never>>
type Problems = typeof problems
type Result = InputOf<typeof Output>

export type WriteContext = CommandContext<typeof Input, Problems, Tables, Services>
export type TakeContext = CommandContext<typeof Input, (typeof Take)['problems'], Tables, Services>
export type ReadContext = QueryContext<typeof Input, Problems, Tables, Services>
export type ActContext = ActionContext<typeof Input, Problems, Services>

type Script = (context: never) => unknown

const scripts = new Map<string, Script>()
let scriptsMade = 0

/** The input that has a handler do this. */
export function scripted<C>(script: (context: C) => unknown, value?: number) {
  const name = `script-${++scriptsMade}`
  scripts.set(name, script as Script)
  return { script: name, ...(value !== undefined && { value }) }
}

function perform(script: string, context: unknown): Result {
  return scripts.get(script)?.(context as never) as Result
}

const run = (context: { readonly input: { readonly script: string } }) =>
  perform(context.input.script, context)
const work = async (context: { readonly payload: { readonly script: string } }) => {
  await perform(context.payload.script, context)
}
const allow = may('ledger:write')

/** What `around` of WriteAround was passed by, in order. */
export const passed: string[] = []

const ledger = {
  module: builder.defineModule({ name: 'ledger' }),
  write: builder.handle(Write, { allow, run }),
  writeNaturally: builder.handle(WriteNaturally, { allow, run }),
  writeLoosely: builder.handle(WriteLoosely, { allow, isolation: 'read committed', run }),
  writeVersioned: builder.handle(WriteVersioned, { allow, run }),
  writeSecret: builder.handle(WriteSecret, { allow, run }),
  writeLittle: builder.handle(WriteLittle, { allow, replyBytesMax: 256, timeoutMs: 400, run }),
  writeLimited: builder.handle(WriteLimited, {
    allow,
    limit: { rate: '60/min', per: 'principal' },
    run,
  }),
  writeAround: builder.handle(WriteAround, {
    allow,
    around: [passing('outer'), passing('inner')],
    run,
  }),
  read: builder.handle(Read, { allow: may('ledger:read'), run }),
  act: builder.handle(Act, { allow, act: run }),
  actNaturally: builder.handle(ActNaturally, { allow, act: run }),
  Written,
  tidy: builder.handle(Tidy, { run: work }),
  tidyOutside: builder.handle(TidyOutside, { act: work }),
  onWritten: builder.subscribe(Written, {
    name: 'ledger.on-written',
    run: ({ tx, event }) => {
      tx.defer(insertEntry(-event.payload.value))
    },
  }),
}

const stock = {
  module: builder.defineModule({ name: 'stock' }),
  take: builder.handle(Take, { allow: may('stock:take'), run }),
}

function passing(name: string) {
  return async (next: () => Promise<unknown>) => {
    passed.push(`${name} in`)
    try {
      return await next()
    } finally {
      passed.push(`${name} out`)
    }
  }
}

export const app = builder.defineApp({ modules: [ledger, stock] })

function tenantTable(name: string, columns: string): string {
  return `CREATE TABLE ${name} (tenant_id text NOT NULL DEFAULT holdfast.tenant(), ${columns});
ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON ${name} USING (tenant_id = holdfast.tenant());
`
}

export const tables = {
  ledger: tenantTable(
    'entries',
    `id int NOT NULL, note text NOT NULL DEFAULT '', slot int,
  CONSTRAINT entries_pkey PRIMARY KEY (tenant_id, id),
  CONSTRAINT entries_note_check CHECK (note <> 'bad'),
  CONSTRAINT entries_slot_key UNIQUE (tenant_id, slot) DEFERRABLE INITIALLY DEFERRED`,
  ),
  stock: tenantTable(
    'pieces',
    `sku text NOT NULL, left_over int NOT NULL,
  CONSTRAINT pieces_pkey PRIMARY KEY (tenant_id, sku),
  CONSTRAINT pieces_left_check CHECK (left_over >= 0)`,
  ),
}

export const insertEntry = (id: number, note = '', slot: number | null = null) =>
  sql`INSERT INTO entries (id, note, slot) VALUES (${id}, ${note}, ${slot})`
export const entryCount = sql<{ count: number }>`SELECT count(*) FROM entries`
