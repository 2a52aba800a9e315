/**
 * All SQL of the event log.
 *
 * How the log is read without missing an event. Positions are drawn before COMMIT, so a smaller one
 * may become visible after a larger one. An INSERT INTO events takes ROW EXCLUSIVE on the table
 * before it draws, and keeps it until its transaction has ended and its outcome is visible. So: read
 * the sequence, then list who holds that lock. Whoever has drawn a position up to the one read is on
 * the list or has ended. Once those on the list have ended, a new snapshot shows every event up to
 * there that will ever exist. Nobody but appenders is on that list, and readers hold nobody up.
 * Why not order by transaction id: it is drawn at the first write, before the waits for locks, so that
 * two writers of one row may stand the wrong way round; it waits for any open transaction of the
 * cluster; and it means nothing after a restore.
 */
import type { Statement } from '../../database/statement.ts'

export interface StoredEvent {
  readonly position: number
  readonly id: string
  readonly at: string
  readonly tenant: string
  readonly name: string
  readonly version: number
  readonly key: string | null
  readonly payload: unknown
  readonly traceparent: string | null
  readonly requestId: string | null
  readonly cause: string | null
}

export interface ReadEvent extends StoredEvent {
  /** An earlier event of its key is parked: it has to wait behind that. */
  readonly behind: boolean
}

export interface ParkedHead extends StoredEvent {
  readonly attempts: number
}

const AS_EVENT = `e.position, e.id, e.at, e.tenant, e.name, e.version, e.key, e.payload, e.traceparent,
 e.request_id AS "requestId", e.cause`

/** 0 where nothing was ever appended. */
const LAST_DRAWN =
  'SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS position FROM holdfast.event_position'

export const readSequence: Statement = { text: LAST_DRAWN, values: [] }

/** A virtual transaction id is used once per backend slot; a prepared transaction has no process. */
export const listAppenders: Statement = {
  text: `SELECT DISTINCT virtualtransaction || ' ' || coalesce(pid, 0) AS id, pid FROM pg_catalog.pg_locks
WHERE locktype = 'relation' AND relation = 'holdfast.events'::regclass AND mode = 'RowExclusiveLock'
 AND granted AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`,
  values: [],
}

/** Who stalls the log. Of other logins only the process and the application are shown. */
export function describeProcesses(pids: readonly number[]): Statement {
  return {
    text: `SELECT pid, application_name AS application, state, xact_start AS "transactionStart",
 query_start AS "queryStart", wait_event AS "waitsFor"
FROM pg_catalog.pg_stat_activity WHERE pid = ANY($1::int[])`,
    values: [pids],
  }
}

/** The highest position that anything stands at: a sequence below it was not restored. */
export const readHighest: Statement = {
  text: `SELECT greatest((SELECT max(position) FROM holdfast.events),
 (SELECT max(position) FROM holdfast.subscriptions), 0) AS position`,
  values: [],
}

/** `from`: a new subscription begins with the whole log, or behind the last position drawn so far. */
export function registerSubscription(name: string, from: 'start' | 'now'): Statement {
  const position = from === 'start' ? '0' : `(${LAST_DRAWN})`
  return {
    text: `INSERT INTO holdfast.subscriptions (name, position) VALUES ($1, ${position})
ON CONFLICT (name) DO NOTHING`,
    values: [name],
  }
}

/** Takes what is free and renews what is half over; writes nothing otherwise. */
export function leaseSubscriptions(
  names: readonly string[],
  holder: string,
  leaseMs: number,
): Statement {
  return {
    text: `UPDATE holdfast.subscriptions
SET holder = $2, lease_until = clock_timestamp() + $3::float8 * interval '1 ms'
WHERE name IN (
  SELECT name FROM holdfast.subscriptions
  WHERE name = ANY($1::text[]) AND (lease_until IS NULL OR lease_until < clock_timestamp()
    OR (holder = $2 AND lease_until < clock_timestamp() + $3::float8 * interval '0.5 ms'))
  ORDER BY name FOR UPDATE SKIP LOCKED)`,
    values: [names, holder, leaseMs],
  }
}

/** `failing`: parked heads that are still being retried, counted up to a bound. `due`: one may be. */
export function listLeased(
  names: readonly string[],
  holder: string,
  failingMax: number,
): Statement {
  return {
    text: `SELECT s.name, s.position, (SELECT count(*) FROM (
    SELECT FROM holdfast.parked_events p
    WHERE p.subscription = s.name AND p.attempts > 0 AND p.dead_at IS NULL LIMIT $3) capped) AS failing, EXISTS (
    SELECT FROM holdfast.parked_events p
    WHERE p.subscription = s.name AND p.dead_at IS NULL AND p.next_at <= clock_timestamp()) AS due
FROM holdfast.subscriptions s
WHERE s.name = ANY($1::text[]) AND s.holder = $2 AND s.lease_until > clock_timestamp()`,
    values: [names, holder, failingMax],
  }
}

/** Who else holds some of them at present. */
export function listOtherHolders(names: readonly string[], holder: string): Statement {
  return {
    text: `SELECT DISTINCT holder FROM holdfast.subscriptions
WHERE name = ANY($1::text[]) AND holder <> $2 AND lease_until > clock_timestamp()`,
    values: [names, holder],
  }
}

export function releaseSubscriptions(holder: string): Statement {
  return {
    text: 'UPDATE holdfast.subscriptions SET lease_until = NULL, holder = NULL WHERE holder = $1',
    values: [holder],
  }
}

export interface PageOptions {
  readonly subscription: string
  readonly names: readonly string[]
  readonly after: number
  readonly upTo: number
  readonly eventsMax: number
}

export function readPage(page: PageOptions): Statement {
  return {
    text: `SELECT ${AS_EVENT}, e.key IS NOT NULL AND EXISTS (
  SELECT FROM holdfast.parked_events p
  WHERE p.subscription = $1 AND p.tenant = e.tenant AND p.key = e.key) AS behind
FROM holdfast.events e
WHERE e.position > $2::bigint AND e.position <= $3::bigint AND e.name = ANY($4::text[])
ORDER BY e.position LIMIT $5`,
    values: [page.subscription, page.after, page.upTo, page.names, page.eventsMax],
  }
}

export interface Move {
  readonly subscription: string
  readonly from: number
  readonly to: number
  readonly holder: string
  readonly leaseMs: number
}

// The lease is renewed on the way, so that no renewal of its own changes the row while a handler's
// SERIALIZABLE transaction is about to.
const MOVED = `moved AS (
  UPDATE holdfast.subscriptions SET position = $3::bigint, moved_at = clock_timestamp(),
    lease_until = CASE WHEN holder = $4
      THEN clock_timestamp() + $5::float8 * interval '1 ms' ELSE lease_until END
  WHERE name = $1 AND position = $2::bigint RETURNING 1
)`
const REQUIRE_MOVED = `SELECT holdfast.require((SELECT count(*) FROM moved) = 1, 'HF004',
  'Subscription ' || $1 || ' is no longer at position ' || $2 || '.')`

/** The fence of a handler: the subscription was where we thought, or all of it rolls back (HF004). */
export function moveOrRaise(move: Move): Statement {
  return { text: `WITH ${MOVED} ${REQUIRE_MOVED}`, values: moveValues(move) }
}

function moveValues(move: Move): unknown[] {
  return [move.subscription, move.from, move.to, move.holder, move.leaseMs]
}

export interface Parking {
  readonly attempts: number
  readonly delayMs: number
  readonly error: string | null
  readonly attemptsMax: number
}

/** Goes past an event and keeps it for later, or raises HF004. */
export function parkOrRaise(move: Move, event: StoredEvent, parking: Parking): Statement {
  return {
    text: `WITH ${MOVED}, parked AS (
  INSERT INTO holdfast.parked_events
    (subscription, position, tenant, key, attempts, next_at, last_error, dead_at)
  SELECT $1, $3::bigint, $6, $7, $8::int, clock_timestamp() + $9::float8 * interval '1 ms', $10,
    CASE WHEN $8::int >= $11::int THEN clock_timestamp() END
  FROM moved
) ${REQUIRE_MOVED}`,
    values: [
      ...moveValues(move),
      event.tenant,
      event.key,
      parking.attempts,
      parking.delayMs,
      parking.error,
      parking.attemptsMax,
    ],
  }
}

/** Parked events that are due and that nothing of their key stands in front of. */
export function listDueHeads(subscription: string, eventsMax: number): Statement {
  return {
    text: `SELECT ${AS_EVENT}, p.attempts
FROM holdfast.parked_events p JOIN holdfast.events e ON e.position = p.position
WHERE p.subscription = $1 AND p.dead_at IS NULL AND p.next_at <= clock_timestamp()
 AND (p.key IS NULL OR NOT EXISTS (
  SELECT FROM holdfast.parked_events q
  WHERE q.subscription = p.subscription AND q.tenant = p.tenant AND q.key = p.key
   AND q.position < p.position))
ORDER BY p.position LIMIT $2`,
    values: [subscription, eventsMax],
  }
}

/** The fence of a handler of a parked event: it is still parked, or all rolls back (HF004). */
export function unparkOrRaise(subscription: string, position: number): Statement {
  return {
    text: `WITH handled AS (
  DELETE FROM holdfast.parked_events WHERE subscription = $1 AND position = $2::bigint RETURNING 1
) SELECT holdfast.require((SELECT count(*) FROM handled) = 1, 'HF004',
  'Event ' || $2 || ' is no longer parked for ' || $1 || '.')`,
    values: [subscription, position],
  }
}

export interface Failure {
  readonly subscription: string
  readonly position: number
  /** Attempts before this one: who comes second changes nothing. */
  readonly attempts: number
  readonly attemptsMax: number
  readonly delayMs: number
  readonly error: string
}

export function recordFailure(failure: Failure): Statement {
  return {
    text: `UPDATE holdfast.parked_events SET attempts = attempts + 1, last_error = $6,
 next_at = clock_timestamp() + $5::float8 * interval '1 ms',
 dead_at = CASE WHEN attempts + 1 >= $4 THEN clock_timestamp() END
WHERE subscription = $1 AND position = $2::bigint AND attempts = $3`,
    values: [
      failure.subscription,
      failure.position,
      failure.attempts,
      failure.attemptsMax,
      failure.delayMs,
      failure.error,
    ],
  }
}

export interface ParkedFilter {
  readonly subscription: string
  readonly tenant?: string
  readonly key?: string
  readonly positions?: readonly number[]
  /** Only those whose attempts are used up. */
  readonly dead?: boolean
  readonly eventsMax: number
}

export interface ParkedEvent {
  readonly subscription: string
  readonly position: number
  readonly tenant: string
  readonly key: string | null
  readonly attempts: number
  readonly nextAt: string
  readonly parkedAt: string
  readonly deadAt: string | null
  readonly lastError: string | null
}

const CHOSEN = `subscription = $1 AND ($2::text IS NULL OR tenant = $2) AND ($3::text IS NULL OR key = $3)
 AND ($4::bigint[] IS NULL OR position = ANY($4)) AND (NOT $5::boolean OR dead_at IS NOT NULL)
 ORDER BY position LIMIT $6`

function chosen(filter: ParkedFilter): unknown[] {
  const { subscription, tenant, key, positions, dead, eventsMax } = filter
  return [subscription, tenant ?? null, key ?? null, positions ?? null, dead === true, eventsMax]
}

export function listParked(filter: ParkedFilter): Statement {
  return {
    text: `SELECT subscription, position, tenant, key, attempts, next_at AS "nextAt",
 parked_at AS "parkedAt", dead_at AS "deadAt", last_error AS "lastError"
FROM holdfast.parked_events WHERE ${CHOSEN}`,
    values: chosen(filter),
  }
}

/** With all their attempts, and due at once. */
export function replayParked(filter: ParkedFilter): Statement {
  return {
    text: `UPDATE holdfast.parked_events SET attempts = 0, dead_at = NULL, next_at = clock_timestamp()
WHERE subscription = $1 AND position IN (SELECT position FROM holdfast.parked_events WHERE ${CHOSEN})`,
    values: chosen(filter),
  }
}

/** Never to be handled by this subscription; what waited behind them goes on. */
export function discardParked(filter: ParkedFilter): Statement {
  return {
    text: `DELETE FROM holdfast.parked_events
WHERE subscription = $1 AND position IN (SELECT position FROM holdfast.parked_events WHERE ${CHOSEN})`,
    values: chosen(filter),
  }
}

/** More of one request than a person reads. */
const TRACED_MAX = 200

export interface EventTrace {
  readonly at: string
  readonly tenant: string
  readonly name: string
  readonly position: number
  readonly requestId: string
  readonly key: string | null
  readonly cause: string | null
  /** Subscriptions that could not handle it. */
  readonly parked: readonly {
    readonly subscription: string
    readonly attempts: number
    readonly dead: boolean
    readonly error: string | null
  }[]
}

export function selectOfRequests(tenant: string, requestIds: readonly string[]): Statement {
  return {
    // Found first and put in order then: the planner might walk the whole log in its order instead.
    text: `WITH e AS MATERIALIZED (SELECT * FROM holdfast.events
  WHERE request_id = ANY($1::text[]) AND tenant = $2)
SELECT e.at, e.tenant, e.name, e.position, e.request_id AS "requestId", e.key, e.cause, coalesce((
    SELECT json_agg(json_build_object('subscription', p.subscription, 'attempts', p.attempts,
      'dead', p.dead_at IS NOT NULL, 'error', p.last_error) ORDER BY p.subscription)
    FROM holdfast.parked_events p WHERE p.position = e.position), '[]') AS parked
FROM e ORDER BY e.position LIMIT ${TRACED_MAX}`,
    values: [requestIds, tenant],
  }
}

/** How far behind each subscription is: events drawn since its position, and its parked ones. */
export const readBacklog: Statement = {
  text: `SELECT s.name, greatest(0, drawn.position - s.position) AS behind, (
  SELECT count(*) FROM (SELECT FROM holdfast.parked_events p WHERE p.subscription = s.name LIMIT 10000) p
) AS parked FROM holdfast.subscriptions s, (${LAST_DRAWN}) drawn ORDER BY s.name`,
  values: [],
}

export interface SubscriptionBacklog {
  readonly name: string
  readonly behind: number
  readonly parked: number
}
