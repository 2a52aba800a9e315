import { type Explanation, explain, findOperation } from '../operation/explain.ts'
import type { ExplainedList } from '../operation/explain-list.ts'
import type { ExplainedProblem } from '../operation/explain-problems.ts'
import type { ExplainedBatch } from '../operation/explain-sql.ts'
import type { RegisteredOperation, Registry } from '../operation/registered.ts'
import { buildRegistry } from '../operation/registry.ts'
import type { Command, Terminal } from './command.ts'
import { showPlans } from './explain-plans.ts'
import { appOf, projectOf } from './project.ts'

export const explainCommand: Command = {
  name: 'explain',
  summary:
    'Show the steps, the SQL, the round trips and the problems of an operation; without one, list them',
  example: 'holdfast explain ordering.place-order',
  args: ['operation?'],
  options: {
    json: { type: 'boolean', summary: 'The same as JSON' },
    plans: { type: 'boolean', summary: 'Ask the database how it would run each statement' },
    sql: { type: 'string', summary: 'The plan of this statement, with $1 for its values' },
  },
  async run(call) {
    const sql = call.text('sql')
    if (sql !== undefined) return showPlans(call, { sql })
    const registry = buildRegistry(await appOf(await projectOf(call)))
    const [name] = call.args
    const json = call.flag('json')
    if (name === undefined) return list(call.terminal, registry, json)
    const explanation = explain(findOperation(registry, name))
    if (call.flag('plans')) return showPlans(call, { explanation })
    call.terminal.out(json ? JSON.stringify(explanation, null, 2) : explanationPage(explanation))
    return 0
  },
}

function list({ out }: Terminal, registry: Registry, json: boolean): 0 {
  const operations = [...registry.operations.values()].sort((left, right) =>
    left.name < right.name ? -1 : 1,
  )
  if (json) out(JSON.stringify(operations.map(summaryOf), null, 2))
  else for (const line of columns(operations.map(rowOf))) out(line)
  return 0
}

function summaryOf({ name, kind, http, contract }: RegisteredOperation) {
  return { name, kind, http: http && `${http.method} ${http.path}`, summary: contract.summary }
}

function rowOf(operation: RegisteredOperation): readonly string[] {
  const { name, kind, http = '-', summary = '' } = summaryOf(operation)
  return [name, kind, http, summary]
}

/** Cells below each other, each column as wide as its widest cell. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

export function explanationPage(explanation: Explanation): string {
  const { name, kind, summary, http, steps, batches, roundTrips, problems, list } = explanation
  return [
    `${name}  ${kind}  ${http ?? '(no HTTP binding)'}`,
    ...(summary === undefined ? [] : [summary]),
    '',
    ...steps.flatMap((step, index) =>
      factLines(`${String(index + 1).padStart(2)}. ${step.name}`, step.facts),
    ),
    ...section('Round trips to the database'),
    ...columns(roundTrips.map(({ when, trips }) => [`  ${when}`, trips])),
    ...section('Problems'),
    ...columns(problems.map(problemRow)),
    ...batches.flatMap(batchLines),
    ...(list === undefined ? [] : listLines(list)),
  ].join('\n')
}

function section(title: string): readonly string[] {
  return ['', title]
}

/** Longer names of steps have their facts below them. */
const STEP_WIDTH = 22

function factLines(title: string, facts: readonly string[]): readonly string[] {
  const lines = facts.map((fact) => `${' '.repeat(STEP_WIDTH)}${fact}`)
  const [first = '', ...rest] = lines
  if (title.length >= STEP_WIDTH) return [title, ...lines]
  return [`${title}${first.slice(title.length)}`, ...rest]
}

function problemRow(problem: ExplainedProblem): readonly string[] {
  const { status, code, step, title, stored, constraints } = problem
  const from = constraints.length === 0 ? '' : `; from ${constraints.join(', ')}`
  return [`  ${status}`, code, step, `${title}${stored ? '; kept under the key' : ''}${from}`]
}

function batchLines({ name, when, statements }: ExplainedBatch): readonly string[] {
  const lines = statements.map(({ sql, when: only }) => {
    if (sql === undefined) return `  -- ${only}`
    const text = sql.replaceAll(/\s*\n\s*/g, '\n      ')
    return only === undefined ? `  ${text}` : `  -- ${only}:\n  ${text}`
  })
  return [...section(`SQL: the ${name} batch, ${when}`), ...lines]
}

function listLines(list: ExplainedList): readonly string[] {
  const { filters, sorts, search, pageDefault, pageMax, small, sql, indexes } = list
  return [
    ...section('The list'),
    `  filters  ${filters.join(', ') || 'none'}${search ? '; search: q' : ''}`,
    `  sorts    ${sorts.join(' | ')}`,
    `  pages    ${pageDefault} rows, at most ${pageMax}, by ${small ? 'OFFSET (declared small)' : 'keyset'}`,
    `  indexes  ${[...new Set(indexes)].join(', ') || 'none known'}`,
    ...section('SQL: its first page, without filters'),
    `  ${sql}`,
  ]
}
