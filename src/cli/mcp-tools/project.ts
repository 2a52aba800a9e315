/**
 * What a Holdfast project tells about itself. The database is asked by the tools that say so, and only
 * where one is named or runs already; nothing is started for a question.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { HoldfastError } from '../../base/fault.ts'
import { defineTool, type Tool, ToolFailure } from '../../mcp/tool.ts'
import { loadProject } from '../config.ts'
import { explanationPage } from '../explain.ts'
import { plansPage } from '../explain-plans.ts'
import { type CommandRun, type McpProject, runCommand } from './run-command.ts'

const NAME_LENGTH_MAX = 200
/** A statement of a handler, not a dump. */
const SQL_LENGTH_MAX = 20_000

const name = z.string().min(1).max(NAME_LENGTH_MAX)

export function projectTools(project: McpProject): readonly Tool[] {
  const tools = [explainTool, planTool, traceTool, schemaTool]
  return tools.map((make) => make(project))
}

function explainTool(project: McpProject): Tool {
  return defineTool({
    name: 'explain_operation',
    title: 'Explain an operation of this project',
    description:
      'In a Holdfast project: the steps, SQL batches, round trips and problems of one operation; without a name, all operations.',
    input: z.strictObject({ name: name.optional() }),
    async run({ name }, signal) {
      const words = name === undefined ? [] : ['--', name]
      const { out } = await runCommand(['explain', '--json', ...words], { ...project, signal })
      const told = JSON.parse(out)
      if (name !== undefined) return { text: explanationPage(told), data: told }
      return { text: told.map(operationLine).join('\n'), data: { operations: told } }
    },
  })
}

function operationLine(operation: { name: string; kind: string; http?: string }): string {
  return `${operation.name} (${operation.kind}) ${operation.http ?? ''}`.trim()
}

function planTool(project: McpProject): Tool {
  return defineTool({
    name: 'explain_plan',
    title: 'Ask the database for query plans',
    description:
      'In a Holdfast project with a database: how Postgres would run the statements of an operation, or one statement with $1, $2 for its values. EXPLAIN alone: nothing is run.',
    input: z
      .strictObject({
        operation: name.optional(),
        sql: z.string().min(1).max(SQL_LENGTH_MAX).optional(),
      })
      .refine(({ operation, sql }) => (operation === undefined) !== (sql === undefined), {
        message: 'give either an operation or a statement',
      }),
    async run({ operation, sql }, signal) {
      const words = operation === undefined ? [`--sql=${sql}`] : ['--plans', '--', operation]
      const asked = withDatabase({ ...project, signal })
      const { out } = await runCommand(['explain', '--json', ...words], asked)
      const told = JSON.parse(out)
      return { text: plansPage(told.plans), data: told }
    },
  })
}

function traceTool(project: McpProject): Tool {
  return defineTool({
    name: 'trace_request',
    title: 'Trace a request',
    description:
      'In a Holdfast project with a database: what the request of this id (X-Request-Id of the reply) has brought about: audit, events, deliveries, jobs, and what failed.',
    input: z.strictObject({ requestId: name, tenant: name.optional() }),
    async run({ requestId, tenant }, signal) {
      const words = tenant === undefined ? [] : [`--tenant=${tenant}`]
      const asked = withDatabase({ ...project, signal })
      const { out, err } = await runCommand(['trace', ...words, '--', requestId], asked)
      return { text: [out.trimEnd(), err.trimEnd()].filter(Boolean).join('\n') }
    },
  })
}

/** The embedded server of a project says in this file how to reach it, while it runs. */
const RUNNING = '.holdfast/postgres.json'

function withDatabase(run: CommandRun): CommandRun {
  const { cwd, env } = run
  if (env.DATABASE_DIRECT_URL || env.DATABASE_URL || existsSync(join(cwd, RUNNING))) return run
  throw new ToolFailure(
    'There is no database to ask: start `holdfast dev`, or start this server with DATABASE_URL.',
  )
}

function schemaTool({ cwd, config }: McpProject): Tool {
  return defineTool({
    name: 'read_schema',
    title: 'Read the database schema of this project',
    description:
      'In a Holdfast project: the row types that were generated from the migrated database, all or of one table.',
    input: z.strictObject({ table: name.optional() }),
    async run({ table }) {
      const { typesFile } = await loadProject(cwd, config)
      if (typesFile === undefined)
        throw new HoldfastError('HF_PROJECT_INVALID', 'The project names no file of row types.')
      const text = await readFile(fileURLToPath(typesFile), 'utf8')
      return { text: table === undefined ? text : interfaceOf(text, table) }
    },
  })
}

/** The interface of a table, by the key that the type of the whole database has for it. */
function interfaceOf(text: string, table: string): string {
  const plain = table.replaceAll(/[^\w.]/g, '').replaceAll('.', '\\.')
  const named = new RegExp(`^\\s+["']?(?:\\w+\\.)?${plain}["']?: (\\w+)`, 'm').exec(text)?.[1]
  const found = named && new RegExp(`^export interface ${named} \\{[\\s\\S]*?^\\}`, 'm').exec(text)
  if (found) return found[0]
  throw new HoldfastError('HF_USAGE', `There is no table "${table}" among the row types.`)
}
