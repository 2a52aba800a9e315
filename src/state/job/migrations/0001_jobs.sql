-- Jobs: each table is a state, and a row moves between them in one statement.
--
--   jobs          waits for its time, or for a worker
--   running_jobs  a worker has it; `lease` is the fence: a number that is never given out twice
--   job_history   done, or absorbed by a later job of the same key
--   dead_jobs     its attempts are used up; waits for somebody to replay or discard it
--   job_workers   who may hold running jobs, and until when, by the clock of the database
--
-- Apart, because commands insert into `jobs` and job handlers end in `running_jobs`, both
-- SERIALIZABLE: in one table each completion would read the index page that enqueuers write to, and
-- the server would abort one of them. A claim scans waiting jobs only, whatever runs; a rescue
-- scans running ones only, whatever waits. And no renewal of a lease touches the row that a handler's
-- transaction is about to delete.

CREATE SEQUENCE holdfast.job_lease AS bigint;

CREATE TABLE holdfast.jobs (
  id uuid PRIMARY KEY,
  run_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- 0 runs first, 9 last. No CHECK here: the server reads its text anew for every statement, and
  -- enqueuing would cost a third more; the bounds are those of defineJob.
  priority smallint NOT NULL DEFAULT 5,
  -- Attempts begun so far.
  attempt smallint NOT NULL DEFAULT 0,
  attempts_max smallint NOT NULL,
  tenant text NOT NULL DEFAULT holdfast.tenant(),
  queue text NOT NULL,
  name text NOT NULL,
  unique_key text,
  payload jsonb NOT NULL,
  traceparent text,
  request_id text,
  -- The operation, job or subscription that enqueued it.
  cause text,
  last_error text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0);

-- The claim reads one range per queue and priority: what is due stands in front of what is not.
CREATE INDEX jobs_due ON holdfast.jobs (queue, priority, run_at);
-- At most one job of a key waits.
CREATE UNIQUE INDEX jobs_unique_key ON holdfast.jobs (tenant, name, unique_key)
  WHERE unique_key IS NOT NULL;

CREATE TABLE holdfast.running_jobs (
  lease bigint PRIMARY KEY DEFAULT nextval('holdfast.job_lease'),
  worker bigint NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  id uuid NOT NULL,
  run_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  priority smallint NOT NULL,
  attempt smallint NOT NULL,
  attempts_max smallint NOT NULL,
  tenant text NOT NULL,
  queue text NOT NULL,
  name text NOT NULL,
  unique_key text,
  payload jsonb NOT NULL,
  traceparent text,
  request_id text,
  cause text,
  last_error text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0);

-- At most one job of a key runs: the claim looks here.
CREATE INDEX running_jobs_unique_key ON holdfast.running_jobs (tenant, name, unique_key)
  WHERE unique_key IS NOT NULL;

ALTER SEQUENCE holdfast.job_lease OWNED BY holdfast.running_jobs.lease;

-- Ready for PARTITION BY RANGE (finished_at): its one key begins with it.
CREATE TABLE holdfast.job_history (
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  id uuid NOT NULL,
  started_at timestamptz NOT NULL,
  run_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  worker bigint NOT NULL,
  priority smallint NOT NULL,
  attempt smallint NOT NULL,
  attempts_max smallint NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('done', 'absorbed')),
  tenant text NOT NULL,
  queue text NOT NULL,
  name text NOT NULL,
  unique_key text,
  payload jsonb NOT NULL,
  traceparent text,
  request_id text,
  cause text,
  last_error text,
  PRIMARY KEY (finished_at, id)
);

CREATE TABLE holdfast.dead_jobs (
  id uuid PRIMARY KEY,
  died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  run_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  priority smallint NOT NULL,
  attempt smallint NOT NULL,
  attempts_max smallint NOT NULL,
  tenant text NOT NULL,
  queue text NOT NULL,
  name text NOT NULL,
  unique_key text,
  payload jsonb NOT NULL,
  traceparent text,
  request_id text,
  cause text,
  last_error text
);

CREATE INDEX dead_jobs_by_tenant ON holdfast.dead_jobs (tenant, died_at);

-- One row per worker, so that a lease of a thousand jobs is renewed with one update.
CREATE TABLE holdfast.job_workers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lease_until timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

DO $policies$
DECLARE
  table_name text;
BEGIN
  FOREACH table_name IN ARRAY
    ARRAY['jobs', 'running_jobs', 'job_history', 'dead_jobs', 'job_workers']
  LOOP
    EXECUTE pg_catalog.format('ALTER TABLE holdfast.%I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE pg_catalog.format('ALTER TABLE holdfast.%I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE pg_catalog.format(
      'CREATE POLICY loops ON holdfast.%I TO holdfast_loops USING (true) WITH CHECK (true)',
      table_name);
    EXECUTE pg_catalog.format(
      'CREATE POLICY backup ON holdfast.%I FOR SELECT TO holdfast_backup USING (true)', table_name);
  END LOOP;
END
$policies$;

CREATE POLICY app ON holdfast.jobs FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());
CREATE POLICY app_locks ON holdfast.jobs FOR UPDATE TO holdfast_app
  USING (tenant = holdfast.tenant()) WITH CHECK (tenant = holdfast.tenant());
-- Inserting compares with the bare setting: without a context it is no tenant, and the check refuses.
-- Each function in a policy is looked up for every statement, so the hot path has but one.
CREATE POLICY app_enqueues ON holdfast.jobs FOR INSERT TO holdfast_app
  WITH CHECK (tenant = current_setting('holdfast.tenant', true));
CREATE POLICY app ON holdfast.running_jobs FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());
CREATE POLICY app ON holdfast.job_history FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());
CREATE POLICY app ON holdfast.dead_jobs FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());

GRANT INSERT (id, run_at, priority, attempts_max, tenant, queue, name, unique_key, payload,
  traceparent, request_id, cause) ON holdfast.jobs TO holdfast_app;
-- ON CONFLICT DO UPDATE of the key to itself: it locks the job that is already waiting.
GRANT UPDATE (unique_key) ON holdfast.jobs TO holdfast_app;
GRANT SELECT ON holdfast.jobs, holdfast.running_jobs, holdfast.job_history, holdfast.dead_jobs
  TO holdfast_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.jobs, holdfast.running_jobs, holdfast.job_history,
  holdfast.dead_jobs, holdfast.job_workers TO holdfast_loops;
GRANT USAGE ON SEQUENCE holdfast.job_lease TO holdfast_loops;

GRANT SELECT ON holdfast.jobs, holdfast.running_jobs, holdfast.job_history, holdfast.dead_jobs,
  holdfast.job_workers TO holdfast_backup;
GRANT SELECT ON SEQUENCE holdfast.job_lease, holdfast.job_workers_id_seq TO holdfast_backup;
