/**
 * `holdfast trace <request id>`: what a request has brought about, in the order of time: from the
 * database what was committed, and from the process, while it remembers, what it did.
 *
 * Request ids may come from callers, so two tenants may have used the same: one tenant is shown.
 */
import { HoldfastError } from '../base/fault.ts'
import { runAsLoops } from '../database/as-loops.ts'
import { Pool } from '../database/pool.ts'
import { redactText } from '../runtime/redact.ts'
import type { RecentEntry } from '../runtime/telemetry/recent-work.ts'
import { type AuditTrace, auditOfRequest } from '../state/audit/audit.ts'
import { type EventTrace, eventsOfRequest } from '../state/event/event.ts'
import { type JobTrace, jobsOfRequest } from '../state/job/job.ts'
import type { Command, CommandCall, Terminal } from './command.ts'
import { withDatabaseUrl } from './database-url.ts'

export const trace: Command = {
  name: 'trace',
  summary: 'Show what a request has brought about: audit, events, deliveries, jobs',
  args: ['request-id'],
  options: {
    tenant: { type: 'string', summary: 'Where two tenants have used the same request id' },
    admin: { type: 'string', summary: 'The admin port of a process; http://127.0.0.1:3001' },
  },
  async run(call) {
    const { terminal, args } = call
    const [requestId = ''] = args
    const stored = await withDatabaseUrl(terminal, (url) => readStored(url, requestId))
    const recent = await readRecent(call, requestId)
    const tenant = tenantOf(requestId, [...stored, ...recent], call.text('tenant'))
    if (tenant === undefined) {
      terminal.err(`Nothing is known of the request ${requestId}.`)
      return 1
    }
    const steps = [...stored, ...recent].filter((step) => step.tenant === tenant)
    terminal.out(`request ${requestId} of ${tenant}`)
    for (const step of steps.sort(inTime)) terminal.out(`${timeOf(step)}  ${step.text}`)
    return 0
  },
}

interface Step {
  readonly at: string
  readonly tenant: string
  readonly text: string
}

function inTime(left: Step, right: Step): number {
  return left.at < right.at ? -1 : left.at > right.at ? 1 : 0
}

/** The time of day, to the millisecond. */
function timeOf({ at }: Step): string {
  return at.slice(11, 23).padEnd(12)
}

function tenantOf(
  requestId: string,
  steps: readonly Step[],
  asked: string | undefined,
): string | undefined {
  const tenants = [...new Set(steps.map(({ tenant }) => tenant))]
  if (asked !== undefined) return tenants.find((tenant) => tenant === asked)
  if (tenants.length <= 1) return tenants[0]
  throw new HoldfastError(
    'HF_USAGE',
    `holdfast trace: ${tenants.length} tenants have used ${requestId}: --tenant ${tenants.join(' or --tenant ')}.`,
  )
}

async function readStored(url: string, requestId: string): Promise<readonly Step[]> {
  const pool = new Pool({ url, connectionsMax: 1, applicationName: 'holdfast cli' })
  try {
    const [audit, events, jobs] = await runAsLoops(
      pool,
      auditOfRequest(requestId),
      eventsOfRequest(requestId),
      jobsOfRequest(requestId),
    )
    return [
      ...((audit?.rows ?? []) as unknown as AuditTrace[]).map(auditStep),
      ...((events?.rows ?? []) as unknown as EventTrace[]).flatMap(eventSteps),
      ...((jobs?.rows ?? []) as unknown as JobTrace[]).map(jobStep),
    ]
  } finally {
    await pool.close()
  }
}

function auditStep({ at, tenant, operation, outcome, actor, nested }: AuditTrace): Step {
  const called = nested ? '  called inside' : ''
  return { at, tenant, text: `audit     ${operation}  ${outcome}  by ${actor}${called}` }
}

function eventSteps({ at, tenant, name, position, key, cause, parked }: EventTrace): Step[] {
  const of = key === null ? '' : `  key ${key}`
  const event = { at, tenant, text: `event     ${name}  #${position}${of}  by ${cause ?? '?'}` }
  return [
    event,
    ...parked.map(({ subscription, attempts, dead, error }) => ({
      at,
      tenant,
      text: `parked    ${subscription}  ${dead ? 'dead' : 'waits'}, ${attempts} attempts  ${shownError(error)}`,
    })),
  ]
}

function jobStep({ at, tenant, name, id, state, attempt, cause, error }: JobTrace): Step {
  const text = `job       ${name}  ${state}, attempt ${attempt}  by ${cause ?? '?'}  ${id}  ${shownError(error)}`
  return { at, tenant, text: text.trimEnd() }
}

const ERROR_LENGTH_MAX = 120

function shownError(error: string | null): string {
  return error === null ? '' : redactText(error.slice(0, ERROR_LENGTH_MAX))
}

/** A process that is on this machine answers at once. */
const ADMIN_TIMEOUT_MS = 2_000

async function readRecent(call: CommandCall, requestId: string): Promise<readonly Step[]> {
  const { env, err } = call.terminal
  const admin = call.text('admin') ?? adminUrl(env)
  try {
    const response = await fetch(`${admin}/recent/${encodeURIComponent(requestId)}`, {
      signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    return ((await response.json()) as RecentEntry[]).map(recentStep)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'no answer'
    err(`From the database alone: the admin port at ${admin} was not read (${reason}).`)
    return []
  }
}

function adminUrl(env: Terminal['env']): string {
  return `http://${env.ADMIN_HOST || '127.0.0.1'}:${env.ADMIN_PORT || '3001'}`
}

function recentStep({ kind, at, fields }: RecentEntry): Step {
  const { tenant, durationMs, roundTrips } = fields
  const cost = `${durationMs} ms, ${roundTrips} round trips`
  return { at, tenant: String(tenant), text: `${recentText(kind, fields)}  ${cost}` }
}

function recentText(kind: string, fields: RecentEntry['fields']): string {
  if (kind === 'job') return `attempt   ${fields.job}  ${fields.outcome}, attempt ${fields.attempt}`
  if (kind === 'event') return `delivery  ${fields.subscription}  ${fields.outcome}`
  const problem = fields.problem === undefined ? '' : ` ${fields.problem}`
  return `request   ${fields.operation}  ${fields.status ?? 'gone'}${problem}`
}
