/** How the database would run the statements of an operation, or one that is written by hand. */
import { HoldfastError } from '../base/fault.ts'
import { type QueryPlan, readPlans } from '../database/query-plan.ts'
import type { Explanation } from '../operation/explain.ts'
import type { CommandCall } from './command.ts'
import { withDatabaseUrl } from './database-url.ts'

/** An operation, or a statement. */
export type Planned = { readonly explanation: Explanation } | { readonly sql: string }

/** Exit code 1 where the database refuses to plan a statement. */
export async function showPlans(call: CommandCall, planned: Planned): Promise<number> {
  refuseBoth(call, planned)
  const sqls = 'sql' in planned ? [planned.sql] : statementsOf(planned.explanation)
  const all = await withDatabaseUrl(call.terminal, (url) => readPlans(url, sqls))
  const plans = 'sql' in planned ? all : all.filter(touchesTables)
  call.terminal.out(call.flag('json') ? JSON.stringify({ plans }, null, 2) : plansPage(plans))
  return plans.some(({ refused }) => refused !== undefined) ? 1 : 0
}

function refuseBoth({ args, flag }: CommandCall, planned: Planned): void {
  if ('explanation' in planned || (args.length === 0 && !flag('plans'))) return
  throw new HoldfastError(
    'HF_USAGE',
    'holdfast explain --sql takes one statement and neither an operation nor --plans.',
  )
}

/** What only opens and closes has no plan. */
const FRAME = /^(?:BEGIN|COMMIT|ROLLBACK)\b/

function statementsOf({ list, batches }: Explanation): readonly string[] {
  const framework = batches.flatMap(({ statements }) => statements.flatMap(({ sql }) => sql ?? []))
  const all = [...(list === undefined ? [] : [list.sql]), ...framework]
  return [...new Set(all)].filter((sql) => !FRAME.test(sql))
}

/** `SELECT set_config(...)` and the like are a Result and nothing else. */
function touchesTables({ lines, refused }: QueryPlan): boolean {
  return refused !== undefined || lines.some((line) => / on \S/.test(line))
}

export function plansPage(plans: readonly QueryPlan[]): string {
  return [...plans.flatMap(planLines), NOTE].join('\n')
}

const NOTE = `Plans of this database as it is now, for any value. In a small one the server rightly reads whole
tables; "at any size" names those for which no index serves.`

function planLines({ sql, lines, scans, refused }: QueryPlan): readonly string[] {
  const told = refused === undefined ? lines : [`refused: ${refused}`]
  return [
    sql.replaceAll(/\s*\n\s*/g, '\n  '),
    ...told.map((line) => `    ${line}`),
    ...(scans.length === 0 ? [] : [`    read whole at any size: ${scans.join(', ')}`]),
    '',
  ]
}
