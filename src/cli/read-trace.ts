/**
 * What a request has brought about, as it is stored: its own work, and that of the requests that are
 * part of the same trace, such as a webhook that answers to one of its calls.
 */
import { leastUuidv7 } from '../base/id.ts'
import { lookAsLoops } from '../database/as-loops.ts'
import { Pool } from '../database/pool.ts'
import type { Rows } from '../database/statement.ts'
import { type AuditTrace, auditOfRequest, auditOfTraces } from '../state/audit/audit.ts'
import { type EventTrace, eventsOfRequests } from '../state/event/event.ts'
import { type JobTrace, jobsOfRequests } from '../state/job/job.ts'

export interface StoredTrace {
  readonly audit: readonly AuditTrace[]
  readonly events: readonly EventTrace[]
  readonly jobs: readonly JobTrace[]
}

/** Ids of jobs are made by the clocks of processes, a little before their request is audited. */
const CLOCKS_DIFFER_MS = 10 * 60_000
/** A caller may put any number of requests into one trace: each is looked for by itself. */
const REQUESTS_MAX = 50

export class StoredTraces {
  readonly #pool: Pool

  constructor(url: string) {
    this.#pool = new Pool({ url, connectionsMax: 1, applicationName: 'holdfast cli' })
  }

  /** What the request itself was audited with, in every tenant. */
  async audited(requestId: string): Promise<readonly AuditTrace[]> {
    const [audit] = await lookAsLoops(this.#pool, auditOfRequest(requestId))
    return rowsOf<AuditTrace>(audit)
  }

  /** `known`: what was audited of the request in this tenant. */
  async read(
    tenant: string,
    requestId: string,
    traceIds: readonly string[],
    known: readonly AuditTrace[],
  ): Promise<StoredTrace> {
    const [ofTraces] = await lookAsLoops(this.#pool, auditOfTraces(tenant, traceIds))
    const audit = distinct([...known, ...rowsOf<AuditTrace>(ofTraces)])
    const requests = new Set([requestId, ...audit.map((entry) => entry.requestId)])
    const requestIds = [...requests].slice(0, REQUESTS_MAX)
    const [events, jobs] = await lookAsLoops(
      this.#pool,
      eventsOfRequests(tenant, requestIds),
      jobsOfRequests({ tenant, requestIds, leastId: leastIdOf(audit) }),
    )
    return { audit, events: rowsOf(events), jobs: rowsOf(jobs) }
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

function rowsOf<Row>(rows: Rows | undefined): Row[] {
  return (rows?.rows ?? []) as Row[]
}

function distinct(entries: readonly AuditTrace[]): readonly AuditTrace[] {
  return [...new Map(entries.map((entry) => [entry.id, entry])).values()]
}

/** Without an entry nothing is known of the time. */
function leastIdOf(audit: readonly AuditTrace[]): string {
  const times = audit.map(({ at }) => Date.parse(at))
  return leastUuidv7(times.length === 0 ? 0 : Math.min(...times) - CLOCKS_DIFFER_MS)
}
