/**
 * How long 1,000 operations take to type-check, beyond the base (the same imports and one
 * operation). The figure is told and kept by the bench; what is asserted is that they compile.
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
  const schemas = compiled(join(directory, 'schemas'), MODULES, OPERATIONS_PER_MODULE, schemaText)
  const full = compiled(join(directory, 'full'), MODULES, OPERATIONS_PER_MODULE, operationText)
  for (const { status, output } of [base, schemas, full]) assert.equal(status, 0, output)
  const rows = { 'one operation (the base)': base, 'schemas of 1,000': schemas, '1,000': full }
  for (const [name, { checkSeconds, totalSeconds }] of Object.entries(rows)) {
    t.diagnostic(`${name}: check ${checkSeconds} s, total ${totalSeconds} s`)
  }
  const beyond = (from: Compiled) => (full.totalSeconds - from.totalSeconds).toFixed(2)
  t.diagnostic(`1,000 operations type-check in ${beyond(base)} s beyond the base`)
  t.diagnostic(`of these, beyond their schemas: ${beyond(schemas)} s`)
})

type Body = (module: number, number: number) => string

function compiled(directory: string, modules: number, operations: number, body: Body): Compiled {
  writeProgram(directory, modules, operations, body)
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['-p', directory, '--noEmit', '--extendedDiagnostics']
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
interface Database {
${Array.from({ length: 30 }, (_, table) => `  t${table}: { id: Generated<string>; name: string; count: number; at: string | null }`).join('\n')}
}
interface Mailer { send(to: string): Promise<void> }
export const shop = holdfast<{ db: Database; services: { mail: Mailer } }>()
`

function moduleText(module: number): string {
  return `
import { z } from 'zod'
import { shop } from './shop.ts'
import { defineCommand, defineEvent, defineJob, defineQuery } from ${source('operation/contract.ts')}
import { conflict, notFound } from ${source('operation/problem.ts')}
import { may } from ${source('operation/rule.ts')}
export const definers = { defineCommand, defineEvent, defineJob, defineQuery, conflict, notFound, may }
export const module = shop.defineModule({ name: 'm${module}' })
export const Done = defineEvent({ name: 'm${module}.done', payload: z.object({ id: z.string() }) })
export const Remind = defineJob({ name: 'm${module}.remind', payload: z.object({ id: z.string() }) })
export const remind = shop.handle(Remind, { run({ payload, tx }) { tx.enqueue(Remind, payload) } })
export const onDone = shop.subscribe(Done, {
  name: 'm${module}.on-done',
  run({ event, tx }) { tx.enqueue(Remind, { id: event.payload.id }) },
})`
}

/** Input and output of one operation: nine fields, a list of objects among them. */
function schemaText(module: number, number: number): string {
  return `
const input${number} = z.object({
  id: z.string(),
  lines: z.array(z.object({ sku: z.string(), quantity: z.int().min(1).max(${number + 1}) })).min(1),
  note: z.string().max(200).optional(),
})
const output${number} = z.object({
  id: z.string(), status: z.enum(['open', 'done${module}']), total: z.int(),
  lines: z.array(z.object({ sku: z.string(), quantity: z.int(), price: z.int() })),
  at: z.iso.datetime().nullable(),
})
export const schemas${number} = { input: input${number}, output: output${number} }`
}

function operationText(module: number, number: number): string {
  return schemaText(module, number) + (number % 3 === 2 ? queryText : commandText)(module, number)
}

function commandText(module: number, number: number): string {
  const table = `t${(module + number) % 30}`
  return `
export const Command${number} = defineCommand({
  name: 'm${module}.command-${number}',
  http: 'POST /v1/m${module}/c${number}/{id}',
  input: input${number},
  output: output${number},
  problems: { soldOut: conflict('Sold out', z.object({ sku: z.string() })), closed: conflict('Closed') },
})
export const command${number} = shop.handle(Command${number}, {
  allow: may('m${module}:write'),
  limit: { rate: '60/min', per: 'principal' },
  async run({ input, tx, fail, services }) {
    const line = input.lines[0]
    if (line === undefined) throw fail.closed()
    if (line.quantity > 5) throw fail.soldOut({ sku: line.sku })
    const row = await tx.db.selectFrom('${table}').select(['id', 'at']).where('id', '=', input.id).executeTakeFirst()
    tx.defer(tx.db.insertInto('${table}').values({ name: line.sku, count: line.quantity, at: null }))
    tx.emit(Done, { id: input.id })
    tx.enqueue(Remind, { id: input.id })
    const other = await tx.call(Command${number}, { id: input.id, lines: [line] })
    void services.mail
    return { id: input.id, status: 'open', total: other.total, lines: [], at: row?.at ?? null }
  },
})`
}

function queryText(module: number, number: number): string {
  return `
export const Query${number} = defineQuery({
  name: 'm${module}.query-${number}',
  input: input${number},
  output: output${number},
  problems: { missing: notFound('Missing') },
})
export const query${number} = shop.handle(Query${number}, {
  allow: may('m${module}:read'),
  async run({ input, tx, fail }) {
    const row = await tx.db.selectFrom('t1').selectAll().where('id', '=', input.id).executeTakeFirst()
    if (row === undefined) throw fail.missing()
    return { id: row.id, status: 'open', total: row.count, lines: [], at: row.at }
  },
})`
}
