/**
 * `holdfast trace <request id>`: what a request has brought about, in the order of time: from the
 * database what was committed, and from the processes, while they remember, what they did. Requests
 * that are part of the same trace, such as webhooks, are shown with it.
 *
 * Request ids and trace ids may come from callers, so two tenants may have used the same: one is shown.
 */
import { HoldfastError } from '../base/fault.ts'
import { redactText } from '../runtime/redact.ts'
import type { RecentEntry } from '../runtime/telemetry/recent-work.ts'
import type { AuditTrace } from '../state/audit/audit.ts'
import type { EventTrace } from '../state/event/event.ts'
import type { JobTrace } from '../state/job/job.ts'
import type { Command, CommandCall, Terminal } from './command.ts'
import { withDatabaseUrl } from './database-url.ts'
import { StoredTraces } from './read-trace.ts'

export const trace: Command = {
  name: 'trace',
  summary:
    'Show what a request has brought about: audit, events, deliveries, jobs, calls, webhooks',
  example: 'holdfast trace 019ab0c4-7e1d-7000-9d3e-5b0c6f1f2a11',
  exits: { 1: 'nothing is known of the request' },
  args: ['request-id'],
  options: {
    tenant: { type: 'string', summary: 'Where two tenants have used the same request id' },
    admin: {
      type: 'string',
      summary: 'The admin ports of the processes, with commas between; http://127.0.0.1:3001',
    },
  },
  async run(call) {
    const { terminal, args } = call
    const [requestId = ''] = args
    const recent = await readRecent(call, requestId)
    const found = await withDatabaseUrl(terminal, (url) => find(call, url, requestId, recent))
    if (found === undefined) {
      terminal.err(`Nothing is known of the request ${requestId}.`)
      return 1
    }
    for (const line of chainLines(requestId, found)) terminal.out(line)
    return 0
  },
}

/** Requests of the same trace have numbers: their ids are long. */
function chainLines(requestId: string, { tenant, steps }: Found): readonly string[] {
  const chain = [...steps].sort(inTime)
  const requests = [...new Set([requestId, ...chain.map((step) => step.requestId)])]
  const lines = chain.map((step) => {
    const number = requests.indexOf(step.requestId)
    return `${timeOf(step)}  ${step.text}${number === 0 ? '' : `  [${number}]`}`
  })
  const others = requests.slice(1).map((id, index) => `[${index + 1}] request ${id}`)
  return [`request ${requestId} of ${tenant}`, ...others, ...lines]
}

interface Step {
  readonly at: string
  readonly requestId: string
  readonly text: string
}

interface Found {
  readonly tenant: string
  readonly steps: readonly Step[]
}

async function find(
  call: CommandCall,
  url: string,
  requestId: string,
  remembered: readonly RecentEntry[],
): Promise<Found | undefined> {
  const traces = new StoredTraces(url)
  try {
    const audited = await traces.audited(requestId)
    const own = remembered.filter((entry) => entry.requestId === requestId)
    const tenants = [...audited.map((entry) => entry.tenant), ...own.map(tenantOfEntry)]
    const tenant = chosenTenant(requestId, tenants, call.text('tenant'))
    if (tenant === undefined) return undefined
    const known = audited.filter((entry) => entry.tenant === tenant)
    const recent = remembered.filter((entry) => tenantOfEntry(entry) === tenant)
    const traceIds = [
      ...known.map(({ traceId }) => traceId),
      ...own.filter((entry) => recent.includes(entry)).map(({ fields }) => String(fields.traceId)),
    ]
    const stored = await traces.read(tenant, requestId, [...new Set(traceIds)], known)
    const { audit, events, jobs } = stored
    const steps = [audit.map(auditStep), events.flatMap(eventSteps), jobs.map(jobStep)]
    return { tenant, steps: [...steps.flat(), ...recent.map(recentStep)] }
  } finally {
    await traces.close()
  }
}

function tenantOfEntry({ fields }: RecentEntry): string {
  return String(fields.tenant)
}

function inTime(left: Step, right: Step): number {
  return left.at < right.at ? -1 : left.at > right.at ? 1 : 0
}

/** The time of day, to the millisecond. */
function timeOf({ at }: Step): string {
  return at.slice(11, 23).padEnd(12)
}

function chosenTenant(
  requestId: string,
  used: readonly string[],
  asked: string | undefined,
): string | undefined {
  const tenants = [...new Set(used)]
  if (asked !== undefined) return tenants.find((tenant) => tenant === asked)
  if (tenants.length <= 1) return tenants[0]
  throw new HoldfastError(
    'HF_USAGE',
    `holdfast trace: ${tenants.length} tenants have used ${requestId}: --tenant ${tenants.join(' or --tenant ')}.`,
  )
}

function auditStep({ at, requestId, operation, outcome, actor, nested }: AuditTrace): Step {
  const called = nested ? '  called inside' : ''
  return { at, requestId, text: `audit     ${operation}  ${outcome}  by ${actor}${called}` }
}

function eventSteps({ at, requestId, name, position, key, cause, parked }: EventTrace): Step[] {
  const of = key === null ? '' : `  key ${key}`
  const event = { at, requestId, text: `event     ${name}  #${position}${of}  by ${cause ?? '?'}` }
  return [
    event,
    ...parked.map(({ subscription, attempts, dead, error }) => ({
      at,
      requestId,
      text: `parked    ${subscription}  ${dead ? 'dead' : 'waits'}, ${attempts} attempts  ${shownError(error)}`,
    })),
  ]
}

function jobStep({ at, requestId, name, id, state, attempt, cause, error }: JobTrace): Step {
  const text = `job       ${name}  ${state}, attempt ${attempt}  by ${cause ?? '?'}  ${id}  ${shownError(error)}`
  return { at, requestId, text: text.trimEnd() }
}

const ERROR_LENGTH_MAX = 120

function shownError(error: string | null): string {
  return error === null ? '' : redactText(error.slice(0, ERROR_LENGTH_MAX))
}

/** A process that is on this machine answers at once. */
const ADMIN_TIMEOUT_MS = 2_000

async function readRecent(call: CommandCall, requestId: string): Promise<readonly RecentEntry[]> {
  const { env, err } = call.terminal
  const admins = (call.text('admin') ?? adminUrl(env)).split(',')
  const read = await Promise.allSettled(admins.map((admin) => askAdmin(admin.trim(), requestId)))
  for (const [index, { status, ...each }] of read.entries()) {
    if (status === 'fulfilled') continue
    const { reason } = each as PromiseRejectedResult
    const said = reason instanceof Error ? reason.message : 'no answer'
    err(`From the database alone: the admin port at ${admins[index]} was not read (${said}).`)
  }
  return read.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
}

async function askAdmin(admin: string, requestId: string): Promise<readonly RecentEntry[]> {
  const response = await fetch(`${admin}/recent/${encodeURIComponent(requestId)}`, {
    signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
  })
  if (!response.ok) throw new Error(`it answered ${response.status}`)
  return (await response.json()) as RecentEntry[]
}

function adminUrl(env: Terminal['env']): string {
  return `http://${env.ADMIN_HOST || '127.0.0.1'}:${env.ADMIN_PORT || '3001'}`
}

function recentStep({ kind, at, requestId, fields }: RecentEntry): Step {
  const { durationMs, roundTrips } = fields
  const trips = roundTrips === undefined ? '' : `, ${roundTrips} round trips`
  return { at, requestId, text: `${recentText(kind, fields)}  ${durationMs} ms${trips}` }
}

function recentText(kind: string, fields: RecentEntry['fields']): string {
  const { outcome, attempt } = fields
  if (kind === 'job') return `attempt   ${fields.job}  ${outcome}, attempt ${attempt}`
  if (kind === 'event') return `delivery  ${fields.subscription}  ${outcome}`
  if (kind === 'call') {
    return `call      ${fields.client}  ${fields.route}  ${outcome}, attempt ${attempt}`
  }
  const problem = fields.problem === undefined ? '' : ` ${fields.problem}`
  return `request   ${fields.operation}  ${fields.status ?? 'gone'}${problem}`
}
