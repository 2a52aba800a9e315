/** When the database is what hurts. */
import { changing, playbook, sh, sql } from '../playbook.ts'
import { sources } from '../sources.ts'

const WHO_WORKS = `SELECT pid, usename, application_name, state, wait_event_type, wait_event,
       now() - xact_start AS transaction_age, now() - query_start AS statement_age,
       left(query, 80) AS query
  FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'
 ORDER BY xact_start NULLS LAST LIMIT 30;`

const WHO_BLOCKS = `SELECT blocked.pid AS blocked, blocking.pid AS blocking,
       now() - blocked.query_start AS waits, now() - blocking.xact_start AS blocking_since,
       blocking.state, left(blocked.query, 60) AS blocked_query, left(blocking.query, 60) AS blocking_query
  FROM pg_stat_activity blocked
  JOIN LATERAL unnest(pg_blocking_pids(blocked.pid)) AS by(pid) ON true
  JOIN pg_stat_activity blocking ON blocking.pid = by.pid
 ORDER BY waits DESC LIMIT 30;`

const CONNECTIONS = `SELECT usename, application_name, state, count(*), max(now() - state_change) AS longest
  FROM pg_stat_activity WHERE backend_type = 'client backend'
 GROUP BY 1, 2, 3 ORDER BY count(*) DESC LIMIT 20;`

const TOP_STATEMENTS = `SELECT calls, round(total_exec_time) AS total_ms, round(mean_exec_time::numeric, 2) AS mean_ms,
       rows, shared_blks_read, left(query, 90) AS query
  FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 15;`

const SEQ_SCANS = `SELECT relname, seq_scan, seq_tup_read, idx_scan, n_live_tup,
       seq_tup_read / greatest(seq_scan, 1) AS rows_per_scan
  FROM pg_stat_user_tables WHERE seq_scan > 0 AND n_live_tup > 10000
 ORDER BY seq_tup_read DESC LIMIT 15;`

const DEAD_ROWS = `SELECT relname, n_live_tup, n_dead_tup,
       round(100.0 * n_dead_tup / greatest(n_live_tup + n_dead_tup, 1), 1) AS dead_percent,
       last_autovacuum, last_autoanalyze
  FROM pg_stat_user_tables ORDER BY n_dead_tup DESC LIMIT 15;`

const SIZES = `SELECT relname, pg_size_pretty(pg_total_relation_size(oid)) AS total,
       pg_size_pretty(pg_indexes_size(oid)) AS indexes
  FROM pg_class WHERE relkind IN ('r', 'm', 'p') AND relnamespace::regnamespace::text !~ '^pg_|^information_schema'
 ORDER BY pg_total_relation_size(oid) DESC LIMIT 15;`

export const databaseSlow = playbook({
  id: 'database-slow',
  title: 'The database is slow',
  rule: 'See who waits for what before you change anything; free a lock first, then look at plans.',
  says: ['database slow', 'queries time out', 'CPU of the database at 100 %'],
  when: 'incident',
  symptoms: ['hangs-under-load', 'slow-after-deploy'],
  steps: [
    {
      act: 'Look at what is running, the longest transactions first.',
      run: sql(WHO_WORKS),
      read: 'wait_event_type Lock: somebody blocks (next step). IO: reads from disk, a plan or memory. Empty and active: CPU. "idle in transaction": an app that holds a transaction while it does something else.',
    },
    {
      act: 'See who blocks whom.',
      run: sql(WHO_BLOCKS),
      read: 'The pid at the root of the chain is the one; a migration there means an ALTER waits behind a long read and everybody waits behind the ALTER.',
    },
    {
      act: 'Stop the statement at the root, then, if it stays, its connection.',
      run: changing(sql('SELECT pg_cancel_backend(:pid);\nSELECT pg_terminate_backend(:pid);')),
      read: 'The first keeps the connection. Its transaction is rolled back either way; idempotent commands are retried by their callers.',
    },
    {
      act: 'Where does the time go in all?',
      run: sql(TOP_STATEMENTS),
      read: 'A statement that was not in this list yesterday, or whose mean grew tenfold, is the deploy or a changed plan. Needs the extension pg_stat_statements.',
    },
    {
      act: 'Which tables are read whole?',
      run: sql(SEQ_SCANS),
      read: 'Many rows per scan on a table that requests read: an index is missing or not used; see the plan with EXPLAIN (ANALYZE, BUFFERS).',
    },
    {
      act: 'Is vacuum behind?',
      run: sql(DEAD_ROWS),
      read: 'More than 20 % dead with an old last_autovacuum: an old transaction or replication slot holds it back. Then: VACUUM (ANALYZE) of that table, after the holder is gone.',
    },
    {
      act: 'If statistics are stale after a bulk load, renew them: seconds, no lock that hurts.',
      run: changing(sql('ANALYZE;')),
    },
  ],
  done: 'No statement older than its timeout, no chain of locks, p95 back for fifteen minutes; then write down which of the steps it was.',
  sources: [sources.pgStatistics, sources.pgLocking],
})

export const poolExhausted = playbook({
  id: 'pool-exhausted',
  title: 'The connection pool is exhausted',
  rule: 'Connections are missing because somebody holds them: find the holder before you raise the limit.',
  says: ['timeout waiting for a connection', 'too many clients already', 'HF_POOL_EXHAUSTED'],
  when: 'incident',
  symptoms: ['pool-exhausted'],
  related: ['missing-pool'],
  steps: [
    {
      act: 'Count connections by holder and state.',
      run: sql(CONNECTIONS),
      read: 'Mostly "idle in transaction": the app holds transactions while it calls others. Mostly "active": the database is slow (see database-slow). Mostly "idle": pools are larger than needed, or leaked.',
    },
    {
      act: 'How far is the server from its limit?',
      run: sql(
        `SELECT count(*) AS used, current_setting('max_connections')::int AS allowed,
       current_setting('superuser_reserved_connections')::int AS reserved
  FROM pg_stat_activity WHERE backend_type = 'client backend';`,
      ),
      read: 'used near allowed: the server refuses. Far from it: only the pool of one process is empty.',
    },
    {
      act: 'End transactions that have been idle for more than a minute.',
      run: changing(
        sql(
          `SELECT pg_terminate_backend(pid), application_name, left(query, 80) AS last_query
  FROM pg_stat_activity
 WHERE state = 'idle in transaction' AND now() - state_change > interval '1 minute';`,
        ),
      ),
      read: 'last_query is the statement after which the code went away: that is where the call inside the transaction is.',
    },
    {
      act: 'Let the server do that from now on.',
      run: changing(sql(`ALTER ROLE :"role" SET idle_in_transaction_session_timeout = '30s';`)),
    },
    {
      act: 'Size the pool by what is measured, not by fear.',
      run: sh(
        'npx holdfast advise pool requestsPerSecond=300 holdMs=20 processes=4 databaseCores=4',
      ),
      read: 'If the pool it gives is already there, raising it moves the queue into the database, where it is slower.',
    },
  ],
  done: 'Waiting for a connection below 5 ms p95, and the code that held them is named in a ticket.',
  sources: [sources.pgStatistics, sources.poolSizing],
})

export const diskFull = playbook({
  id: 'disk-full',
  title: 'The disk is full',
  rule: 'Make room without deleting what Postgres needs: never touch pg_wal by hand.',
  says: ['no space left on device', 'could not extend file', 'PANIC in the database log'],
  when: 'incident',
  steps: [
    {
      act: 'What is full?',
      run: sh('df -h; df -i'),
      read: 'Inodes (second table) can be gone before bytes are.',
    },
    {
      act: 'What grew: tables, WAL or logs?',
      run: sql(SIZES),
      read: 'Compare with last week. The next step shows WAL.',
    },
    {
      act: 'WAL that is kept for a replica or an archive that does not take it.',
      run: sql(
        `SELECT slot_name, slot_type, active,
       pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) AS kept
  FROM pg_replication_slots ORDER BY restart_lsn NULLS LAST;`,
      ),
      read: 'An inactive slot with gigabytes kept is the usual cause.',
    },
    {
      act: 'Drop a slot whose replica is gone for good. It must be made anew from a base backup.',
      run: changing(sql(`SELECT pg_drop_replication_slot(:'slot');`)),
    },
    {
      act: 'Room at once, without touching data: old server logs, then temporary files of queries that ended.',
      run: changing(sh('find "$LOG_DIRECTORY" -name "*.log" -mtime +7 -print -delete')),
    },
    {
      act: 'Room for good: drop old partitions; deleting rows frees nothing before vacuum, and nothing for the disk.',
      run: changing(sql('DROP TABLE IF EXISTS :"old_partition";')),
    },
    {
      act: 'Make it impossible: bound what a slot may keep.',
      run: changing(
        sql(`ALTER SYSTEM SET max_slot_wal_keep_size = '20GB';\nSELECT pg_reload_conf();`),
      ),
    },
  ],
  done: 'A fifth of the disk is free, an alert stands at 80 % and at the date on which it would be full.',
  sources: [sources.pgStandby, sources.pgPartitioning],
})

export const badMigration = playbook({
  id: 'bad-migration',
  title: 'A migration went wrong',
  rule: 'Stop it if it still waits or runs; go forward with a correction; go back only where the old code still fits.',
  says: ['migration hangs', 'migration failed', 'deploy broke the schema'],
  when: 'incident',
  symptoms: ['slow-after-deploy'],
  related: ['expand-contract', 'massive-migration'],
  steps: [
    {
      act: 'Is it still running, and does it wait or work?',
      run: sql(WHO_BLOCKS),
      read: 'A waiting ALTER blocks every reader that comes after it: cancel it first, think second.',
    },
    {
      act: 'Stop it.',
      run: changing(sql('SELECT pg_cancel_backend(:pid);')),
      read: 'Postgres rolls DDL back whole, except CREATE INDEX CONCURRENTLY, which leaves an invalid index.',
    },
    {
      act: 'What does the project think is applied?',
      run: sh('npx holdfast migrate status'),
    },
    {
      act: 'Find what a broken concurrent index build has left.',
      run: sql(
        `SELECT indexrelid::regclass AS index, indrelid::regclass AS on_table
  FROM pg_index WHERE NOT indisvalid;`,
      ),
      read: 'An invalid index is written but never read: drop it and build it again.',
    },
    {
      act: 'Drop it, without blocking writers.',
      run: changing(sql('DROP INDEX CONCURRENTLY IF EXISTS :"index";')),
    },
    {
      act: 'Does the running code still fit the schema? If yes, leave the schema and mend forward with a new file. If not, roll the code back to the version that fits.',
    },
    {
      act: 'Next time: give up quickly and try again, rather than making everybody wait.',
      run: changing(sql(`SET lock_timeout = '500ms';`)),
      read: 'Measured: with 500 ms and a retry the longest stall of readers was 0.6 s, without 3 s and as long as the longest transaction.',
    },
  ],
  done: 'migrate status shows what the files say, no invalid index, and errors are back at their usual level.',
  sources: [sources.pgLocking],
})

export const slowRequests = playbook({
  id: 'performance',
  title: 'Requests are slow',
  rule: 'In this order, measuring before and after: queries, indexes, pool, cache, timeouts, platform.',
  says: ['API slow', 'slow after deploy', 'p95 too high', 'performance'],
  when: 'planned',
  symptoms: ['slow-after-deploy', 'slow-with-growth', 'hangs-under-load'],
  related: ['n-plus-one', 'missing-index-filter'],
  steps: [
    {
      act: 'Write down before: p50, p95, p99, throughput and error rate of the endpoint, for an hour of the same weekday.',
    },
    {
      act: 'Queries: which take the time, and how many does one request send?',
      run: sql(TOP_STATEMENTS),
      read: 'calls divided by requests above 10: N+1. mean above 50 ms: a plan. Few, fast, and the request is still slow: it is not the database.',
    },
    {
      act: 'Begin to count anew, so that before and after can be told apart.',
      run: changing(sql('SELECT pg_stat_statements_reset();')),
    },
    {
      act: 'Indexes: which tables are read whole, and which indexes nobody uses?',
      run: sql(
        `${SEQ_SCANS}
SELECT relname, indexrelname, pg_size_pretty(pg_relation_size(indexrelid)) AS size, idx_scan
  FROM pg_stat_user_indexes WHERE idx_scan = 0 ORDER BY pg_relation_size(indexrelid) DESC LIMIT 15;`,
      ),
      read: 'Equality columns first, then the range or order. Unused indexes cost every write; look at replicas too before dropping one.',
    },
    {
      act: 'Pool: do requests wait for a connection?',
      run: sql(CONNECTIONS),
      read: 'Waiting in the app with idle connections in the server: the pool is too small. Active at the number of cores and more: it is large enough.',
    },
    {
      act: 'Cache: does the database read from disk?',
      run: sql(
        `SELECT datname, round(100.0 * blks_hit / greatest(blks_hit + blks_read, 1), 2) AS hit_percent,
       temp_files, pg_size_pretty(temp_bytes) AS temp
  FROM pg_stat_database WHERE datname = current_database();`,
      ),
      read: 'Below 99 % on a hot path: more shared_buffers or a covering index. temp growing: work_mem for that query. Only then a cache of your own: holdfast advise caching.',
    },
    {
      act: 'Timeouts: the slowest dependency sets the p99. Give each call one shorter than that of its caller.',
    },
    {
      act: 'Platform: event-loop delay, CPU throttling of the container, noisy neighbours. Profile the process at the peak.',
      run: sh('node --cpu-prof --cpu-prof-dir=/tmp/profile server.js'),
      read: 'Widest frames first: JSON, regular expressions, synchronous file access.',
    },
    {
      act: 'Write down after, same hour and weekday. Keep what moved p95 by more than its daily spread; take back the rest.',
    },
  ],
  done: 'The target is met for a week, with one change named as the cause.',
  sources: [sources.pgStatistics, sources.performanceModeling],
})
