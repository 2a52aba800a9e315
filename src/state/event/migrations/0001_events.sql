-- The event log and its subscriptions.
--
--   position  an event's place in the log: drawn when the event is appended, which is in the last
--             batch of its transaction, after every row lock. Rolled back transactions leave gaps.
--   key       events of one tenant and key are handled in the order of their positions
--   head      the parked event of a key with the lowest position; the others wait behind it

-- CACHE 1: a session that drew several positions at once would hand them out late, out of order.
CREATE SEQUENCE holdfast.event_position AS bigint CACHE 1;

-- Append only. One index, and no column that a later PARTITION BY RANGE (position) would forbid:
-- old partitions can then be detached once every subscription and parked event is past them.
CREATE TABLE holdfast.events (
  position bigint PRIMARY KEY DEFAULT nextval('holdfast.event_position'),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  id uuid NOT NULL,
  version integer NOT NULL DEFAULT 1,
  tenant text NOT NULL DEFAULT holdfast.tenant(),
  name text NOT NULL,
  key text,
  payload jsonb NOT NULL,
  traceparent text,
  request_id text,
  -- The operation, job or subscription that stated the event.
  cause text
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

ALTER SEQUENCE holdfast.event_position OWNED BY holdfast.events.position;

-- A subscription has handled or parked every event up to its position. The lease keeps relays from
-- doing the same work; the position, moved inside the handler's transaction, is the fence.
CREATE TABLE holdfast.subscriptions (
  name text PRIMARY KEY,
  position bigint NOT NULL,
  holder text,
  lease_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- Events that a subscription went past without having handled them: a failed head, and whatever
-- waits behind it. A row goes in the transaction that handles its event. `dead_at`: the attempts
-- are used up; the key waits until somebody replays or discards its head.
CREATE TABLE holdfast.parked_events (
  subscription text NOT NULL,
  position bigint NOT NULL,
  tenant text NOT NULL,
  key text,
  attempts integer NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  dead_at timestamptz,
  last_error text,
  PRIMARY KEY (subscription, position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE INDEX parked_events_by_key ON holdfast.parked_events (subscription, tenant, key, position);

ALTER TABLE holdfast.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.events FORCE ROW LEVEL SECURITY;
ALTER TABLE holdfast.subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.subscriptions FORCE ROW LEVEL SECURITY;
ALTER TABLE holdfast.parked_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.parked_events FORCE ROW LEVEL SECURITY;

CREATE POLICY app ON holdfast.events FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());
-- Inserting compares with the bare setting: without a context it is no tenant, and the check refuses.
-- Each function in a policy is looked up for every statement, so the hot path has but one.
CREATE POLICY app_appends ON holdfast.events FOR INSERT TO holdfast_app
  WITH CHECK (tenant = current_setting('holdfast.tenant', true));
CREATE POLICY app ON holdfast.parked_events FOR SELECT TO holdfast_app
  USING (tenant = holdfast.tenant());
CREATE POLICY loops ON holdfast.events FOR SELECT TO holdfast_loops USING (true);
CREATE POLICY loops ON holdfast.subscriptions TO holdfast_loops USING (true) WITH CHECK (true);
CREATE POLICY loops ON holdfast.parked_events TO holdfast_loops USING (true) WITH CHECK (true);
CREATE POLICY backup ON holdfast.events FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY backup ON holdfast.subscriptions FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY backup ON holdfast.parked_events FOR SELECT TO holdfast_backup USING (true);

-- Not `position` and not `at`: nobody chooses a place in the log.
GRANT INSERT (id, version, tenant, name, key, payload, traceparent, request_id, cause)
  ON holdfast.events TO holdfast_app;
GRANT SELECT ON holdfast.events, holdfast.parked_events TO holdfast_app;
GRANT USAGE ON SEQUENCE holdfast.event_position TO holdfast_app;

GRANT SELECT ON holdfast.events TO holdfast_loops;
GRANT SELECT ON SEQUENCE holdfast.event_position TO holdfast_loops;
GRANT SELECT, INSERT, UPDATE, DELETE ON holdfast.subscriptions, holdfast.parked_events
  TO holdfast_loops;

GRANT SELECT ON holdfast.events, holdfast.subscriptions, holdfast.parked_events TO holdfast_backup;
GRANT SELECT ON SEQUENCE holdfast.event_position TO holdfast_backup;
