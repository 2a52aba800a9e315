/** `holdfast trace` reads little, however much there is. */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { leastUuidv7 } from '../../src/base/id.ts'
import { lookAsLoops } from '../../src/database/as-loops.ts'
import { Pool } from '../../src/database/pool.ts'
import type { Rows, Statement } from '../../src/database/statement.ts'
import { auditOfRequest, auditOfTraces } from '../../src/state/audit/audit.ts'
import { eventsOfRequests } from '../../src/state/event/event.ts'
import { jobsOfRequests } from '../../src/state/job/job.ts'
import { AppDatabase } from '../app-database.ts'
import { notesApp } from './notes-app.ts'

const ROWS = 60_000
/** Of the rows, in their middle. */
const REQUEST = hash('md5', 'request 30000')
const TRACE = hash('md5', 'trace 30000')

/** An hour of rows, a request each. */
const FILL = `
SET ROLE holdfast_loops;
INSERT INTO holdfast.audit_entries (tenant, id, at, actor, operation, outcome, request_id, trace_id, input_digest)
SELECT 'acme', gen_random_uuid(), '2026-01-01'::timestamptz + n * interval '60 ms', 'key_' || md5('key'),
 'notes.write-note', 'ok',
 md5('request ' || n), md5('trace ' || n), sha256('input') FROM generate_series(1, ${ROWS}) n;
INSERT INTO holdfast.job_history (finished_at, id, started_at, run_at, created_at, worker, priority,
 attempt, attempts_max, outcome, tenant, queue, name, payload, request_id)
SELECT '2026-01-01'::timestamptz + n * interval '60 ms', gen_random_uuid(), now(), now(), now(), 1, 5, 1, 1,
 'done', 'acme', 'q', 'j', '{}', md5('request ' || n) FROM generate_series(1, ${ROWS}) n;
INSERT INTO holdfast.dead_jobs (id, run_at, created_at, priority, attempt, attempts_max, tenant, queue, name,
 payload, request_id)
SELECT gen_random_uuid(), now(), now(), 5, 1, 1, 'acme', 'q', 'j', '{}', md5('request ' || n)
FROM generate_series(1, ${ROWS}) n;
INSERT INTO holdfast.jobs (id, attempts_max, tenant, queue, name, payload, request_id)
SELECT (lpad(to_hex(extract(epoch FROM '2026-01-01'::timestamptz)::bigint * 1000 + n * 60), 12, '0')
 || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid, 1, 'acme', 'q', 'j', '{}', md5('request ' || n)
FROM generate_series(1, ${ROWS}) n;
RESET ROLE;
SET ROLE holdfast_app;
SELECT set_config('holdfast.tenant', 'acme', false);
INSERT INTO holdfast.events (id, tenant, name, payload, request_id)
SELECT gen_random_uuid(), 'acme', 'notes.note-written', jsonb_build_object('id', gen_random_uuid()), md5('request ' || n) FROM generate_series(1, ${ROWS}) n;
RESET ROLE;`

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Plan[]
}

describe('the statements of holdfast trace', () => {
  let database: AppDatabase
  let pool: Pool
  before(async () => {
    database = await AppDatabase.make(notesApp)
    // Summaries and statistics are what the server's maintenance makes in its time.
    const tables = ['audit_entries', 'events', 'job_history', 'dead_jobs', 'jobs']
    await database.change(FILL, ...tables.map((name) => `VACUUM ANALYZE holdfast.${name}`))
    pool = new Pool({ url: database.url, connectionsMax: 1 })
  })
  after(async () => {
    await pool.close()
    await database.drop()
  })

  /** What was read of each table, and how, under the settings of `holdfast trace`. */
  async function reads({ text, values }: Statement): Promise<readonly Plan[]> {
    const explain = `EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) ${text}`
    const [plans] = await lookAsLoops(pool, { text: explain, values })
    const [row] = (plans as Rows).rows as [{ 'QUERY PLAN': [{ readonly Plan: Plan }] }]
    const [found] = row['QUERY PLAN']
    const all = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(all)]
    return all(found.Plan).filter((plan) => plan['Relation Name'] !== undefined)
  }

  const readRows = (plan: Plan) =>
    plan['Actual Rows'] +
    (plan['Rows Removed by Filter'] ?? 0) +
    (plan['Rows Removed by Index Recheck'] ?? 0)

  for (const [name, statement, rowsMax] of [
    ['the audit of a request', auditOfRequest(REQUEST), ROWS / 10],
    ['the audit of a trace', auditOfTraces('acme', [TRACE]), ROWS / 10],
    ['the events of requests', eventsOfRequests('acme', [REQUEST, 'none']), ROWS / 10],
    [
      'the jobs of requests, in every state',
      jobsOfRequests({
        tenant: 'acme',
        requestIds: [REQUEST, 'none'],
        leastId: leastUuidv7(Date.parse('2026-01-01T00:59:00Z')),
      }),
      ROWS / 10,
    ],
  ] as const) {
    test(`${name} are found without reading a table from end to end`, async () => {
      const plans = await reads(statement)
      assert.ok(plans.length > 0)
      for (const plan of plans) {
        const said = JSON.stringify(plan)
        // As many rows as jobs run.
        if (plan['Relation Name'] === 'running_jobs') continue
        assert.notEqual(plan['Node Type'], 'Seq Scan', said)
        assert.ok(readRows(plan) <= rowsMax, said)
      }
    })
  }
})
