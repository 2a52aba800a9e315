/**
 * How long 1,000 operations take to type-check. Three programs: the *base* has the same imports and
 * one operation; the *control* has the schemas and the bodies of the 1,000 as plain functions with
 * written types, without contracts and handlers; the third has the operations. The figures are told
 * and kept by the bench; what is asserted is that they compile.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const MODULES = 50
const OPERATIONS_PER_MODULE = 20

interface Compiled {
  readonly status: number | null
  readonly output: string
  /** Seconds, as the compiler tells them. */
  readonly checkSeconds: number
  readonly totalSeconds: number
}

test('1,000 operations compile, and their time is told', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-type-scale-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const base = compiled(join(directory, 'base'), 1, 1, operationText)
  const control = compiled(join(directory, 'control'), MODULES, OPERATIONS_PER_MODULE, plainText)
  const full = compiled(join(directory, 'full'), MODULES, OPERATIONS_PER_MODULE, operationText)
  for (const { status, output } of [base, control, full]) assert.equal(status, 0, output)
  const rows = { 'the base': base, 'the control': control, '1,000 operations': full }
  for (const [name, { checkSeconds, totalSeconds }] of Object.entries(rows)) {
    t.diagnostic(`${name}: check ${checkSeconds} s, total ${totalSeconds} s`)
  }
  const beyond = (from: Compiled) => (full.totalSeconds - from.totalSeconds).toFixed(2)
  t.diagnostic(`1,000 operations: ${beyond(base)} s beyond the base`)
  t.diagnostic(`of these ${beyond(control)} s beyond the same schemas and bodies without Holdfast`)
})

type Body = (module: number, number: number) => string

function compiled(directory: string, modules: number, operations: number, body: Body): Compiled {
  writeProgram(directory, modules, operations, body)
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  // One thread: on few cores parallel checkers repeat each other's work and blur the figure.
  const flags = ['-p', directory, '--noEmit', '--extendedDiagnostics', '--singleThreaded']
  const run = spawnSync(process.execPath, [compiler, ...flags], { encoding: 'utf8' })
  const output = run.stdout + run.stderr
  const seconds = (name: string) =>
    Number(new RegExp(`^${name}:\\s+([\\d.]+)s`, 'm').exec(output)?.[1])
  return {
    status: run.status,
    output,
    checkSeconds: seconds('Check time'),
    totalSeconds: seconds('Total time'),
  }
}

function writeProgram(directory: string, modules: number, operations: number, body: Body): void {
  mkdirSync(directory)
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  const config = { extends: join(root, 'tsconfig.json'), include: ['*.ts'], exclude: [] }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(directory, 'shop.ts'), shopText)
  const names = Array.from({ length: modules }, (_, index) => `m${index}`)
  for (const [module, name] of names.entries()) {
    const bodies = Array.from({ length: operations }, (_, number) => body(module, number))
    writeFileSync(join(directory, `${name}.ts`), [moduleText(module), ...bodies].join('\n'))
  }
  const namespaces = names.map((name) => `import * as ${name} from './${name}.ts'`)
  const app = `export const app = shop.defineApp({ modules: [${names.join(', ')}] })`
  const lines = [...namespaces, "import { shop } from './shop.ts'", app]
  writeFileSync(join(directory, 'app.ts'), lines.join('\n'))
}

function source(path: string): string {
  return `'${join(root, 'src', path)}'`
}

const shopText = `
import type { Generated } from 'kysely'
import { holdfast } from ${source('operation/builder.ts')}
export interface Database {
${Array.from({ length: 30 }, (_, table) => `  t${table}: { id: Generated<string>; name: string; count: number; at: string | null }`).join('\n')}
}
interface Mailer { send(to: string): Promise<void> }
export const shop = holdfast<{ db: Database; services: { mail: Mailer } }>()
`

function moduleText(module: number): string {
  return `
import type { Kysely } from 'kysely'
import { z } from 'zod'
import { type Database, shop } from './shop.ts'
import { defineCommand, defineEvent, defineJob, defineQuery } from ${source('operation/contract.ts')}
import { conflict, notFound } from ${source('operation/problem.ts')}
import { may } from ${source('operation/rule.ts')}
export const definers = { defineCommand, defineQuery, conflict, notFound, may }
export type Db = Kysely<Database>
export const module = shop.defineModule({ name: 'm${module}' })
export const Order = z.object({
  id: z.string(), status: z.enum(['open', 'done${module}']), total: z.int(),
  lines: z.array(z.object({ sku: z.string(), quantity: z.int(), price: z.int() })),
  at: z.iso.datetime().nullable(),
})
export const Done = defineEvent({ name: 'm${module}.done', payload: z.object({ id: z.string() }) })
export const Remind = defineJob({ name: 'm${module}.remind', payload: z.object({ id: z.string() }) })
export const remind = shop.handle(Remind, { run({ payload, tx }) { tx.enqueue(Remind, payload) } })
export const onDone = shop.subscribe(Done, {
  name: 'm${module}.on-done',
  run({ event, tx }) { tx.enqueue(Remind, { id: event.payload.id }) },
})`
}

/** Each operation has an input of its own, every fourth with a list of objects in it. */
function inputText(number: number): string {
  const lines = 'lines: z.array(z.object({ sku: z.string(), quantity: z.int() })).min(1),'
  return `
const Input${number} = z.object({
  id: z.string(),
  quantity: z.int().min(1).max(${number + 1}),
  note: z.string().max(200).optional(),
  ${number % 4 === 0 ? lines : ''}
})`
}

function plainText(module: number, number: number): string {
  const table = `t${(module + number) % 30}`
  return `${inputText(number)}
export async function plain${number}(input: z.output<typeof Input${number}>, db: Db): Promise<z.input<typeof Order>> {
  const row = await ${selectText(table)}
  return { id: input.id, status: 'open', total: input.quantity, lines: [], at: row?.at ?? null }
}`
}

function selectText(table: string): string {
  return `db.selectFrom('${table}').select(['id', 'at']).where('id', '=', input.id).executeTakeFirst()`
}

function operationText(module: number, number: number): string {
  return inputText(number) + (number % 3 === 2 ? queryText : commandText)(module, number)
}

function commandText(module: number, number: number): string {
  return `
export const Command${number} = defineCommand({
  name: 'm${module}.command-${number}',
  http: 'POST /v1/m${module}/c${number}/{id}',
  input: Input${number},
  output: Order,
  problems: { soldOut: conflict('Sold out'), closed: conflict('Closed') },
})
export const command${number} = shop.handle(Command${number}, {
  allow: may('m${module}:write'),
  limit: { rate: '60/min', per: 'principal' },
  async run({ input, tx, fail }) {
    const row = await tx.${selectText(`t${(module + number) % 30}`)}
    if (row === undefined) throw fail.closed()
    tx.emit(Done, { id: input.id })
    tx.enqueue(Remind, { id: input.id })
    return { id: input.id, status: 'open', total: input.quantity, lines: [], at: row.at }
  },
})`
}

function queryText(module: number, number: number): string {
  return `
export const Query${number} = defineQuery({
  name: 'm${module}.query-${number}',
  input: Input${number},
  output: Order,
  problems: { missing: notFound('Missing') },
})
export const query${number} = shop.handle(Query${number}, {
  allow: may('m${module}:read'),
  async run({ input, tx, fail }) {
    const row = await tx.${selectText(`t${(module + number) % 30}`)}
    if (row === undefined) throw fail.missing()
    return { id: row.id, status: 'open', total: 1, lines: [], at: row.at }
  },
})`
}
