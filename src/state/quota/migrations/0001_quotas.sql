-- How much of each limit is used up, by GCRA (ITU-T I.371, annex A): one number per subject.
--
--   tat_ms  theoretical arrival time: the moment at which the subject's bucket is full again, in
--           milliseconds since the epoch by the clock of this server. In the past: full.
--
-- UNLOGGED on purpose. A crash of the server empties the table, which gives each subject at most one
-- burst more than its limit, once; in return no lease writes to the log or waits for a disk.
-- A subject names its tenant where it has one; no operation ever reads or writes here.

CREATE UNLOGGED TABLE holdfast.quotas (
  policy text NOT NULL,
  subject text NOT NULL,
  tat_ms double precision NOT NULL,
  PRIMARY KEY (policy, subject)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

ALTER TABLE holdfast.quotas ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.quotas FORCE ROW LEVEL SECURITY;

CREATE POLICY loops ON holdfast.quotas TO holdfast_loops USING (true);
CREATE POLICY backup ON holdfast.quotas FOR SELECT TO holdfast_backup USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.quotas TO holdfast_loops;
GRANT SELECT ON holdfast.quotas TO holdfast_backup;

-- For each subject: charges `debt` tokens whatever the level, then grants up to `need` tokens, and
-- of what is left at most half as stock `ahead`, so that the last tokens are not hoarded by one
-- process. Returns one row per subject, in the order of the arrays; these must be sorted, or two
-- callers could lock the same rows in opposite order. A refusal writes nothing.
--
-- The slots granted are tat_ms - granted * interval, ..., tat_ms - interval.
--
-- A level above twice the burst is cut: it comes from a server clock that went back or from a limit
-- that was lowered, and nobody shall be locked out by either for long. `at_ms` is for tests.
CREATE FUNCTION holdfast.lease_quotas(
  policies text[], subjects text[], intervals_ms double precision[], bursts integer[],
  debts integer[], needs integer[], aheads integer[], at_ms double precision DEFAULT NULL
) RETURNS TABLE (granted integer, tat_ms double precision, now_ms double precision)
LANGUAGE plpgsql VOLATILE
-- The plan is kept, and one made while the table was small must not scan it when it has grown.
SET enable_seqscan = off
AS $$
DECLARE
  interval_ms double precision;
  available integer;
BEGIN
  now_ms := coalesce(at_ms, extract(epoch FROM clock_timestamp())::double precision * 1000);
  FOR i IN 1 .. cardinality(subjects) LOOP
    interval_ms := intervals_ms[i];
    SELECT q.tat_ms INTO tat_ms FROM holdfast.quotas q
      WHERE q.policy = policies[i] AND q.subject = subjects[i] FOR UPDATE;
    IF NOT FOUND THEN
      INSERT INTO holdfast.quotas AS q VALUES (policies[i], subjects[i], now_ms)
        ON CONFLICT ON CONSTRAINT quotas_pkey DO UPDATE SET tat_ms = q.tat_ms
        RETURNING q.tat_ms INTO tat_ms;
    END IF;
    tat_ms := greatest(least(tat_ms, now_ms + 2 * bursts[i] * interval_ms), now_ms)
      + debts[i] * interval_ms;
    available := greatest(0, floor(bursts[i] - (tat_ms - now_ms) / interval_ms));
    granted := least(needs[i], available);
    granted := granted + least(aheads[i], (available - granted) / 2);
    tat_ms := tat_ms + granted * interval_ms;
    IF granted > 0 OR debts[i] > 0 THEN
      UPDATE holdfast.quotas q SET tat_ms = lease_quotas.tat_ms
        WHERE q.policy = policies[i] AND q.subject = subjects[i];
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;
