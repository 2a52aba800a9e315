/** What is done before anything burns. */
import { changing, playbook, sh, sql } from '../playbook.ts'
import { sources } from '../sources.ts'

export const designReview = playbook({
  id: 'service-design-review',
  title: 'Review of a service design',
  rule: 'Ask for the failure of each arrow before the boxes are drawn nicely.',
  says: ['design review', 'new service', 'architecture review'],
  when: 'planned',
  steps: [
    {
      act: 'What must never happen (lost, doubled, leaked, late), and who notices first? Write at most five sentences that can be checked by a query.',
      read: 'These are the invariants for tests and for the nightly check. If nobody can name one, the design is not understood yet.',
    },
    {
      act: 'Numbers: requests and writes per second at the peak, rows in two years, tenants, p95, revenue per hour. Write them into one file; every decision below reads it.',
      run: sh('npx holdfast advise all --answers answers.json --record docs/decisions/'),
    },
    {
      act: 'For each write: what if it runs twice, half, or together with itself? Name the key, the transaction and the guard.',
    },
    {
      act: 'For each arrow to another system: timeout, retries (where, how many), what users see when it is down, and whether it stands inside a transaction.',
      run: sh('npx holdfast advise availability targetPercent=99.9 dependencies=3'),
    },
    {
      act: 'For each table: who writes it (one module), which questions are asked, which index answers each, when rows leave.',
    },
    {
      act: 'For each kind of caller: how it logs in, what it may do on which row, what it must never see. Threat modelling is a task for security: book it now.',
    },
    {
      act: 'How does it start, deploy, go back, and get migrated with two versions running?',
    },
    {
      act: 'What will you measure on the first day? Two or three objectives that users feel, with an owner.',
      run: sh('npx holdfast advise slo objectivePercent=99.9 requestsPerDay=1M'),
    },
    { act: 'What is left out on purpose, and at which number is it looked at again?' },
  ],
  done: 'Each decision has a record with the number at which it flips, each invariant a test, each open question a name and a date.',
  sources: [sources.burnRates, sources.monolithFirst],
})

export const productionReadiness = playbook({
  id: 'production-readiness',
  title: 'Production readiness',
  rule: 'Show it, do not tick it: each point is a command, a graph or a drill with a date.',
  says: ['go live', 'launch checklist', 'production ready'],
  when: 'planned',
  related: ['graceful-shutdown', 'liveness-readiness', 'config-validated'],
  steps: [
    {
      act: 'Known faults in the code: none at level error without a written reason.',
      run: sh('npx holdfast review .'),
    },
    {
      act: 'Health: alive is not ready, and ready goes away while it drains.',
      run: sh(
        'curl -sS -o /dev/null -w "%{http_code}\\n" "$BASE_URL/health/live"; curl -sS -w "\\n%{http_code}\\n" "$BASE_URL/health/ready"',
      ),
    },
    {
      act: 'Shutdown: end a process under load and count failed requests.',
      run: changing(sh('kill -TERM "$APP_PID"')),
      read: 'None may fail. If some do: the balancer still sends after readiness is gone, or the process exits before it has finished.',
    },
    {
      act: 'The role of the app cannot do more than it needs.',
      run: sql(
        `SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb
  FROM pg_roles WHERE rolname = current_user;`,
      ),
      read: 'Run it with the login of the app: superuser and bypassrls must be false.',
    },
    {
      act: 'Timeouts stand in the server too, not only in the code.',
      run: sql(
        `SELECT name, setting, unit FROM pg_settings
 WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                'transaction_timeout') ORDER BY name;`,
      ),
      read: 'idle_in_transaction_session_timeout = 0 is how pools are exhausted. (transaction_timeout is there from 17 on.)',
    },
    {
      act: 'Foreign keys without an index: each delete of a parent reads the whole child table.',
      run: sql(
        `SELECT c.conrelid::regclass AS on_table, c.conname, c.confrelid::regclass AS parent
  FROM pg_constraint c
 WHERE c.contype = 'f' AND NOT EXISTS (
   SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indisvalid
      AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)
 ORDER BY 1, 2 LIMIT 50;`,
      ),
    },
    {
      act: 'Restore: bring last night’s backup up on another machine and read yesterday’s last order from it. Write down how long it took: that is your recovery time.',
    },
    {
      act: 'Load: twice the expected peak for ten minutes; goodput stays, the rest is refused with Retry-After. Then take the load away: it must recover without a restart.',
    },
    {
      act: 'Alerts: break something on purpose and see who is called, with which runbook.',
    },
    {
      act: 'Secrets: none in the repository; each can be changed without a deploy of more than one service.',
    },
  ],
  done: 'Each point has a link to what was seen and the day it was seen.',
  sources: [sources.burnRates, sources.pgStatistics],
})

export const deploy = playbook({
  id: 'deploy',
  title: 'Deploy, smoke test, roll back',
  rule: 'Schema first and compatible, code in steps, watched by numbers; going back is prepared before going forward.',
  says: ['deploy', 'release', 'roll back', 'smoke test'],
  when: 'planned',
  related: ['expand-contract'],
  steps: [
    {
      act: 'Before: is the way back known? The old code must run on the new schema. If it does not, split the migration (expand now, contract next week).',
    },
    { act: 'What will be migrated?', run: sh('npx holdfast migrate status') },
    {
      act: 'Is anything in the way of a lock?',
      run: sql(
        `SELECT pid, application_name, now() - xact_start AS age, left(query, 80) AS query
  FROM pg_stat_activity
 WHERE xact_start < now() - interval '1 minute' AND pid <> pg_backend_pid()
 ORDER BY xact_start LIMIT 10;`,
      ),
      read: 'Wait for these, or the migration waits and everybody behind it.',
    },
    {
      act: 'Migrate, once, before the new code starts.',
      run: changing(sh('npx holdfast migrate up')),
    },
    {
      act: 'Deploy to one process (or 5 % of traffic) and watch for ten minutes: error rate, p95, waiting for connections, against the others at the same time.',
    },
    {
      act: 'Smoke test as a user: one read, one write with a key, the same write again.',
      run: changing(
        sh(
          `KEY=$(node -p 'crypto.randomUUID()')
for try in 1 2; do
  curl -sS -w "\\n%{http_code}\\n" -X POST "$BASE_URL/$WRITE_PATH" -H "Authorization: Bearer $API_KEY" \\
    -H "Idempotency-Key: \\"$KEY\\"" -H 'Content-Type: application/json' -d "$BODY"
done`,
        ),
      ),
      read: 'Both replies must be the same, the second marked as replayed.',
    },
    {
      act: 'The rest in two or three steps. Stop when a number leaves its band, not when somebody complains.',
    },
    {
      act: 'Roll back: the previous image, at once, without discussion, when errors burn the budget (above 14.4 in five minutes). Leave the schema where it is.',
      run: sh('npx holdfast advise slo objectivePercent=99.9 errorPercent=2'),
    },
  ],
  done: 'All processes run one version, numbers are in their band for an hour, the contract step has a date.',
  sources: [sources.burnRates, sources.pgLocking],
})

export const onCallHygiene = playbook({
  id: 'on-call-hygiene',
  title: 'On-call hygiene',
  rule: 'A page is a decision that only a person can make now; everything else is a ticket or a graph.',
  says: ['alert fatigue', 'too many alerts', 'on call'],
  when: 'planned',
  related: ['alert-without-runbook', 'slo-burn-rate'],
  steps: [
    {
      act: 'Count the pages of the last month: how many led to an action, how many came at night, which three came most?',
      read: 'More than two a week per person, or fewer than half with an action: mend alerts before features.',
    },
    {
      act: 'Delete or turn into a ticket every alert on a cause (CPU, memory, a restart) that no user felt.',
    },
    {
      act: 'Alert on burn rates of what users feel.',
      run: sh('npx holdfast advise slo objectivePercent=99.9 windowDays=30'),
    },
    {
      act: 'Each alert: an owner, a runbook whose first command can be pasted, and what happens if nobody comes.',
      run: sh('npx holdfast advise runbook'),
    },
    {
      act: 'Handover each week in writing: what burned, what was put off, what is deployed tomorrow.',
    },
    {
      act: 'After an incident, within five days and without blame: timeline, what made it possible, what made it long. At most three actions, each with a name and a date; look at last month’s.',
    },
    { act: 'Drill one incident a quarter, from a cold start, by whoever has never done it.' },
  ],
  done: 'Under two pages a week and person, nine of ten with an action, each with a runbook.',
  sources: [sources.burnRates],
})

export const dependencyFreshness = playbook({
  id: 'dependency-freshness',
  title: 'Freshness of dependencies',
  rule: 'Small and often: security fixes within days, the rest monthly, majors with a look at what changes.',
  says: ['outdated dependencies', 'npm audit', 'upgrade'],
  when: 'planned',
  steps: [
    {
      act: 'What is known to be unsafe in what runs?',
      run: sh('npm audit --omit=dev'),
      read: 'Judge by whether the call can be reached with input from outside, not by the number alone.',
    },
    { act: 'What is behind?', run: sh('npm outdated || true') },
    {
      act: 'Which of them are not cared for any more?',
      run: sh(
        `for name in $(node -p "Object.keys(require('./package.json').dependencies || {}).join(' ')"); do
  printf '%s ' "$name"; npm view "$name" time.modified
done`,
      ),
      read: 'Nothing for two years: look for open security issues and a successor. Finished is not abandoned: small packages may simply be done.',
    },
    {
      act: 'Does the runtime still get fixes? Node’s even majors get them for about thirty months, Postgres majors for five years.',
      run: sh('node --version; psql --version'),
    },
    {
      act: 'And the server?',
      run: sql(
        `SELECT current_setting('server_version') AS version, pg_postmaster_start_time() AS since;`,
      ),
      read: 'Minor versions are bug and security fixes without a dump: be at most one quarter behind.',
    },
    {
      act: 'Raise in small groups, exact versions, one test run each; read the changelog of majors for changed defaults.',
      run: changing(sh('npm install --save-exact "$PACKAGE@latest" && npm test')),
    },
    {
      act: 'Sources of decisions age too: which of yours rest on pages that nobody has looked at for a year?',
      run: sh('npx holdfast advise all --json | grep -c \'"stale": true\''),
    },
  ],
  done: 'No known reachable hole, nothing more than one major or a year behind without a written reason.',
  sources: [sources.pgLimits],
})
