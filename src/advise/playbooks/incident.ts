/** When something other than the database hurts. */
import { changing, playbook, sh, sql } from '../playbook.ts'
import { sources } from '../sources.ts'

export const queueGrowing = playbook({
  id: 'queue-growing',
  title: 'A queue is growing',
  rule: 'Find out whether more comes in, less goes out, or the same job fails again and again.',
  says: ['backlog', 'jobs late', 'queue growing', 'consumer lag'],
  when: 'incident',
  symptoms: ['lost', 'hangs-under-load'],
  steps: [
    {
      act: 'How much waits, how old is it, and of which kind? (tables of Holdfast; for others, the same three questions)',
      run: sql(
        `SET ROLE holdfast_backup;
SELECT queue, name, count(*) AS waiting, max(now() - run_at) AS oldest, max(attempt) AS attempts
  FROM holdfast.jobs WHERE run_at <= now() GROUP BY queue, name ORDER BY waiting DESC LIMIT 20;`,
      ),
      read: 'One kind with many attempts: it fails (step 3). All kinds: too few workers or a slow database.',
    },
    {
      act: 'Do workers live, and how much do they hold?',
      run: sql(
        `SET ROLE holdfast_backup;
SELECT w.name, w.lease_until > now() AS alive, count(r.id) AS running, max(now() - r.started_at) AS oldest
  FROM holdfast.job_workers w LEFT JOIN holdfast.running_jobs r ON r.worker = w.id
 GROUP BY w.id ORDER BY alive DESC, running DESC LIMIT 20;`,
      ),
      read: 'No row: no worker runs, or they cannot reach the database.',
    },
    {
      act: 'What fails, with which error?',
      run: sql(
        `SET ROLE holdfast_backup;
SELECT name, left(last_error, 100) AS error, count(*), max(died_at) AS last
  FROM holdfast.dead_jobs GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 20;`,
      ),
      read: 'One error for all: a dependency (see dependency-down) or a bad deploy.',
    },
    {
      act: 'How long will it take?',
      run: sh('npx holdfast advise queue arrivalsPerSecond=80 serviceMs=100 servers=10'),
      read: 'Time to drain = backlog / (servers / service time − arrivals). Below zero it never drains.',
    },
    {
      act: 'More goes out: start more workers, up to what the database serves (holdfast advise pool). Less comes in: shed or delay what can wait, at the door.',
    },
    {
      act: 'If a flood of worthless jobs is the cause, park it; never delete what you have not looked at.',
      run: changing(
        sql(
          `SET ROLE holdfast_loops;
UPDATE holdfast.jobs SET run_at = now() + interval '1 hour' WHERE name = :'name' AND run_at <= now();`,
        ),
      ),
    },
    {
      act: 'Is vacuum keeping up with the churn of the job tables?',
      run: sql(
        `SELECT relname, n_live_tup, n_dead_tup, last_autovacuum
  FROM pg_stat_all_tables WHERE schemaname = 'holdfast' ORDER BY n_dead_tup DESC LIMIT 10;`,
      ),
      read: 'Dead rows far above live ones: a long transaction somewhere holds vacuum back; end it.',
    },
  ],
  done: 'The oldest waiting job is younger than its promise, and the cause stands in a ticket.',
  sources: [sources.performanceModeling, sources.graphileWorker],
})

export const dependencyDown = playbook({
  id: 'dependency-down',
  title: 'A dependency is down',
  rule: 'Stop hurting it, decide what you can do without it, tell people; retry later, once, with jitter.',
  says: ['payment provider down', 'third party outage', '503 from upstream'],
  when: 'incident',
  symptoms: ['outage-spreads'],
  related: ['circuit-breaker', 'retry-backoff-jitter'],
  steps: [
    {
      act: 'Is it down for you only? Ask it directly, from where the app runs.',
      run: sh(
        'curl -sS -o /dev/null --max-time 10 -w "%{http_code} dns %{time_namelookup} connect %{time_connect} tls %{time_appconnect} first byte %{time_starttransfer}\\n" "$DEPENDENCY_URL"',
      ),
      read: 'Slow dns or connect: network. Slow first byte: theirs. 401 or 403: your key, see leaked-secret if it was revoked.',
    },
    {
      act: 'How much of your traffic needs it? Switch that part to its declared fallback: queue it, answer 202, hide the button.',
    },
    {
      act: 'What do your retries do to it?',
      run: sh('npx holdfast advise retry attempts=3 layers=2 failurePercent=100'),
      read: 'More than twice the load: turn retries off at all layers but one.',
    },
    {
      act: 'Is it dragging you along: do calls hold connections or transactions open?',
      run: sql(
        `SELECT state, count(*), max(now() - xact_start) AS oldest
  FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY state ORDER BY count(*) DESC;`,
      ),
      read: '"idle in transaction" growing: calls are made inside transactions; see pool-exhausted.',
    },
    {
      act: 'Tell users what works and what does not, with the time of the next word.',
    },
    {
      act: 'When it is back, let load in slowly: a tenth, a half, all; a queue that empties at once is the next outage.',
    },
  ],
  done: 'Error rate of calls at its usual level for thirty minutes, queues drained, double effects counted (they should be none: keys).',
  sources: [sources.retries],
})

export const leakedSecret = playbook({
  id: 'leaked-secret',
  title: 'A secret has leaked',
  rule: 'Revoke first, rotate at once, then find out what was done with it; history cannot be cleaned of it.',
  says: ['secret in git', 'key leaked', 'credential exposed'],
  when: 'incident',
  symptoms: ['others-data'],
  related: ['secret-in-code', 'secrets'],
  steps: [
    {
      act: 'Which secret, what may it do, since when is it visible? Write down the time: everything below is judged from it.',
    },
    {
      act: 'Make a second one valid, deploy it, then revoke the first. If it is abused already: revoke first and accept the outage.',
    },
    {
      act: 'Where else is it? Search history as well as files; names only, do not print it.',
      run: sh('git log --all --oneline -S "$LEAKED_PREFIX" -- . | head -50'),
      read: 'Use the first characters only: the whole would stand in your shell history.',
    },
    {
      act: 'A database password: change it, and end the connections that were made with it.',
      run: changing(
        sql(
          `ALTER ROLE :"role" PASSWORD :'new_password';
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE usename = :'role' AND pid <> pg_backend_pid();`,
        ),
      ),
      read: 'Open connections survive a changed password.',
    },
    {
      act: 'Who used it, and for what? (audit entries of Holdfast; otherwise logs of the provider)',
      run: sql(
        `SET ROLE holdfast_backup;
SELECT tenant, actor, operation, outcome, count(*), min(at) AS first, max(at) AS last
  FROM holdfast.audit_entries WHERE at >= now() - interval '30 days'
 GROUP BY 1, 2, 3, 4 ORDER BY last DESC LIMIT 50;`,
      ),
      read: 'Operations, tenants or hours that this caller never had before.',
    },
    {
      act: 'Hand over to security: what was read may have to be reported within 72 hours (GDPR, article 33). That judgement is not yours alone.',
    },
    {
      act: 'Close the hole: scan before commit, short-lived credentials, the secret in a manager and not in an environment file.',
    },
  ],
  done: 'The old secret is refused everywhere, its use is accounted for, and a scan stands where it leaked.',
  sources: [sources.logging],
})

export const dataRepair = playbook({
  id: 'data-repair',
  title: 'Repair data from the event log',
  rule: 'Freeze, copy, compute what should be, compare, change in small steps that can be seen, keep what was.',
  says: ['wrong balances', 'orders doubled', 'data corrupted by a bug'],
  when: 'planned',
  symptoms: ['doubled', 'wrong-totals', 'half-done', 'lost'],
  steps: [
    {
      act: 'Stop what makes it worse: the job, the endpoint or the consumer that writes wrongly. Leave the rest running.',
    },
    {
      act: 'Keep what is there now, before anybody mends by hand.',
      run: changing(
        sql('CREATE TABLE repair_before AS SELECT now() AS copied_at, t.* FROM :"table" AS t;'),
      ),
    },
    {
      act: 'Which facts were stated about it? (event log of Holdfast; elsewhere, the outbox or audit table)',
      run: sql(
        `SET ROLE holdfast_backup;
SELECT position, name, key, at, payload FROM holdfast.events
 WHERE key = :'key' ORDER BY position LIMIT 200;`,
      ),
      read: 'The first fact after which row and history differ dates the bug.',
    },
    {
      act: 'Compute from the facts what each row should be, into a table of its own, and list the differences. Show twenty of them to somebody who knows the domain before going on.',
      run: sql(
        `SET ROLE holdfast_backup;
SELECT count(*) AS facts, min(position) AS first, max(position) AS last, min(at), max(at)
  FROM holdfast.events;`,
      ),
      read: 'Facts that were pruned cannot be replayed: then the audit entries or a backup are the source.',
    },
    {
      act: 'Repair through commands of the domain where there are any (a correction is a fact too, audited and evented); with SQL only where there are none, in batches of 500, each a transaction that checks what it changes.',
      run: changing(
        sql(
          `UPDATE :"table" AS t SET total_minor = s.total_minor
  FROM repair_should AS s WHERE s.id = t.id AND t.total_minor IS DISTINCT FROM s.total_minor
   AND t.id IN (SELECT id FROM repair_should ORDER BY id LIMIT 500);`,
        ),
      ),
    },
    {
      act: 'Compare again; write an invariant that would have caught it, and let it run every night.',
    },
    {
      act: 'Tell those who saw or acted on wrong values. Read models and caches: rebuild those that were fed from it.',
    },
  ],
  done: 'No difference between rows and facts, the invariant is green for a week, repair_before is dropped by a date.',
  sources: [sources.pgIsolation],
})
