/** What a command rests on: its key, its trail, its checks. */
import { createHash } from 'node:crypto'
import { apiKeyCheck } from '../../../src/access/api-key/check.ts'
import { checkStatement } from '../../../src/database/check.ts'
import { currentSchemaStatement } from '../../../src/database/context.ts'
import { expectRows } from '../../../src/database/expect-rows.ts'
import { sqlstate } from '../../../src/database/sqlstate.ts'
import type { Statement } from '../../../src/database/statement.ts'
import { auditStatement } from '../../../src/state/audit/audit.ts'
import { appendEvents } from '../../../src/state/event/event.ts'
import {
  type Claim,
  claimStatement,
  claimWithReply,
  keptReply,
  keptReplyStatement,
  removeExpiredStatement,
  replyStatement,
  type StoredReply,
} from '../../../src/state/idempotency/idempotency.ts'
import { enqueueJobs } from '../../../src/state/job/job.ts'
import { type Db, firstRow, inTransaction, number, type Queries } from '../sql.ts'
import { answered, codeOf, LOCK_TIMEOUT_MS, type Primitive, send, TENANT, twice } from './house.ts'

const ORDERS = 'CREATE TABLE orders (who text NOT NULL, what text NOT NULL);'
const ONE_ORDER = {
  'a key has one order': 'SELECT count(*) FROM orders HAVING count(*) > 1',
}

function claimOf(what: string): Claim {
  const fingerprint = createHash('sha256').update(what).digest()
  const owner = { tenant: TENANT, principal: 'ann', operation: 'place', key: 'k1' }
  return { ...owner, fingerprint, retentionMs: 86_400_000 }
}

function replyOf(what: string): StoredReply {
  return { status: 200, contentType: 'text/plain', headers: {}, body: `placed ${what}` }
}

const place = (db: Queries, what: string) =>
  db.query('INSERT INTO orders VALUES ($1, $2)', ['ann', what])

async function kept(db: Queries, claim: Claim) {
  const { rows, rowCount } = await send(db, keptReplyStatement(claim))
  return keptReply({ rows, rowCount } as Parameters<typeof keptReply>[0])
}

const TAKEN = 'the key is taken'

async function replay(db: Queries, claim: Claim, compares = true): Promise<string> {
  const reply = await kept(db, claim)
  if (reply === undefined) return TAKEN
  const same = reply.fingerprint.equals(claim.fingerprint)
  return same || !compares ? reply.body : 'the key stands for another request'
}

/** Work, then the reply, in the transaction of the claim. */
async function claimed(tx: Queries, what: string): Promise<string> {
  const claim = claimOf(what)
  const opening = await send(tx, claimStatement(claim, LOCK_TIMEOUT_MS))
  await place(tx, what)
  const reply = replyOf(what)
  await send(tx, replyStatement(claim, opening as never, reply))
  return reply.body
}

async function once(db: Db, what: string, compares = true): Promise<string> {
  try {
    return await inTransaction(db, (tx) => claimed(tx, what))
  } catch (error) {
    if (codeOf(error) !== sqlstate.uniqueViolation) throw error
    return replay(db, claimOf(what), compares)
  }
}

async function claimedBefore(db: Db, what: string): Promise<string> {
  const claim = claimOf(what)
  try {
    await send(db, claimStatement(claim, LOCK_TIMEOUT_MS))
  } catch (error) {
    if (codeOf(error) !== sqlstate.uniqueViolation) throw error
    return replay(db, claim)
  }
  return inTransaction(db, async (tx) => {
    await place(tx, what)
    await send(tx, replyStatement(claim, undefined, replyOf(what)))
    return replyOf(what).body
  })
}

async function recordedAfter(db: Db, what: string): Promise<string> {
  const claim = claimOf(what)
  const known = await kept(db, claim)
  if (known !== undefined) return known.body
  await place(db, what)
  const stored = send(db, claimWithReply(claim, replyOf(what), LOCK_TIMEOUT_MS))
  return answered(
    stored.then(() => replyOf(what).body),
    { [sqlstate.uniqueViolation]: replyOf(what).body },
  )
}

async function replyAfter(db: Db, what: string): Promise<string> {
  const claim = claimOf(what)
  try {
    await inTransaction(db, async (tx) => {
      await send(tx, claimStatement(claim, LOCK_TIMEOUT_MS))
      await place(tx, what)
    })
  } catch (error) {
    if (codeOf(error) !== sqlstate.uniqueViolation) throw error
    return replay(db, claim)
  }
  await send(db, replyStatement(claim, undefined, replyOf(what)))
  return replyOf(what).body
}

/** Writes down what it was told, where that is not about its own request. */
async function toldTo(db: Db, what: string, compares: boolean): Promise<string> {
  const told = await once(db, what, compares)
  const wrong = told.startsWith('placed') && told !== replyOf(what).body
  if (wrong) await db.query('INSERT INTO misled VALUES ($1)', [what])
  return told
}

/** Three tries: refused by the expired key, by who was quicker, and told what that one came to. */
const TRIES_MAX = 3

/** A refused claim whose key has expired, or is gone, is tried again. */
async function renewed(db: Db, remove: Statement): Promise<string> {
  const claim = claimOf('lamp')
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    const done = inTransaction(db, (tx) => claimed(tx, 'lamp'))
    const reply = await answered(done, { [sqlstate.uniqueViolation]: TAKEN })
    if (reply !== TAKEN) return reply
    const known = await kept(db, claim)
    if (known?.expired === false) return known.body
    if (known !== undefined) await send(db, remove)
  }
  return 'gave up'
}

const removeWhatever: Statement = {
  text: 'DELETE FROM holdfast.idempotency_keys WHERE key = $1',
  values: ['k1'],
}

const ENTRY = {
  tenant: TENANT,
  actor: 'ann',
  operation: 'place',
  outcome: 'ok',
  requestId: 'r1',
  traceId: 't1',
  inputDigest: null,
  parent: null,
}
const IDS: Readonly<Record<string, string>> = {
  ann: '01890000-0000-7000-8000-000000000001',
  bob: '01890000-0000-7000-8000-000000000002',
}
const idOf = (who: string) => IDS[who] ?? ''
const PAYLOAD = { tenant: TENANT, payload: '{}' }

const audited = (who: string) => auditStatement([{ ...ENTRY, id: idOf(who) }])
const stated = (who: string) =>
  appendEvents([{ ...PAYLOAD, id: idOf(who), name: 'placed', version: 1 }])
const enqueued = (who: string) =>
  enqueueJobs([
    { ...PAYLOAD, id: idOf(who), name: 'mail', queue: 'q', priority: 5, attemptsMax: 3 },
  ])

/** The order, and what says that it was placed. */
function witnessed(table: string, witness: (who: string) => Statement): Primitive {
  const order = 'INSERT INTO orders VALUES ($1, $1)'
  return {
    schema: ORDERS,
    invariants: {
      'every order has its witness': `SELECT FROM (SELECT count(*) FROM orders) o (n),
        (SELECT count(*) FROM holdfast.${table}) w (n) WHERE o.n <> w.n`,
    },
    real: twice((db, who) =>
      inTransaction(db, async (tx) => {
        await tx.query(order, [who])
        await send(tx, witness(who))
      }),
    ),
    broken: {
      'behind the transaction': twice(async (db, who) => {
        await db.query(order, [who])
        await send(db, witness(who))
      }),
    },
  }
}

const KEY = '11111111-1111-7111-8111-111111111111'
const SECRET = {
  schema: 'CREATE TABLE secrets (id int PRIMARY KEY, text text NOT NULL);',
  seed: `INSERT INTO secrets VALUES (1, 'old');
    INSERT INTO holdfast.api_keys (id, tenant, principal, environment, name, hash, roles, permissions)
    VALUES ('${KEY}', '${TENANT}', '${KEY}', 'test', 'k', sha256('k'), '{}', '{}')`,
}

/** Nobody whose key is gone may see what was written as it went. */
const revoke = (db: Db) =>
  inTransaction(db, async (tx) => {
    await tx.query('UPDATE holdfast.api_keys SET revoked_at = now() WHERE id = $1', [KEY])
    await tx.query(`UPDATE secrets SET text = 'new' WHERE id = 1`)
    return 'revoked'
  })

async function secret(db: Queries): Promise<string> {
  const row = await firstRow<{ text: string }>(db, 'SELECT text FROM secrets WHERE id = 1')
  return row?.text ?? 'none'
}

const REFUSED = { HF002: 'refused', [sqlstate.rowCountMissed]: 'refused' }
const check = checkStatement(apiKeyCheck(KEY))

const checkedInside = (db: Db) =>
  answered(
    inTransaction(
      db,
      async (tx) => {
        await send(tx, check)
        return secret(tx)
      },
      { isolation: 'repeatable read' },
    ),
    REFUSED,
  )

const checkedAtTheDoor = (db: Db) =>
  answered(
    send(db, check).then(() => inTransaction(db, secret)),
    REFUSED,
  )

const ACCOUNT = {
  schema: `CREATE TABLE accounts (id int PRIMARY KEY, cents int NOT NULL, version int NOT NULL);
    CREATE TABLE payouts (who text PRIMARY KEY, cents int NOT NULL);`,
  seed: 'INSERT INTO accounts VALUES (1, 100, 1)',
  invariants: {
    'the books balance': `SELECT cents FROM accounts
      WHERE cents + (SELECT coalesce(sum(cents), 0) FROM payouts) <> 100`,
  },
}

const debit: Statement = {
  text: 'UPDATE accounts SET cents = cents - 80 WHERE id = $1 AND cents >= 80',
  values: [1],
}

const payOut = (write: Statement) =>
  twice((db, who) =>
    answered(
      inTransaction(db, async (tx) => {
        await tx.query('INSERT INTO payouts VALUES ($1, 80)', [who])
        await send(tx, write)
        return 'paid'
      }),
      REFUSED,
    ),
  )

const rename = (guard: string): Statement => ({
  text: `UPDATE accounts SET cents = cents, version = version + 1 WHERE id = $1 ${guard}`,
  values: [1],
})

const versionOf = (db: Queries) => number(db, 'SELECT version FROM accounts WHERE id = 1')

/** The ETag that both have is 1. */
const savedIfMatch = (db: Db) =>
  answered(
    inTransaction(db, async (tx) => {
      await send(tx, expectRows(rename('AND version = 1'), 1, 0))
      return 'saved'
    }),
    REFUSED,
  )

const savedAfterLook = (db: Db) =>
  inTransaction(db, async (tx) => {
    if ((await versionOf(tx)) !== 1) return 'refused'
    await send(tx, rename(''))
    return 'saved'
  })

const GRANTS = {
  schema: 'CREATE TABLE grants (who text PRIMARY KEY);',
  invariants: { 'one is granted': 'SELECT count(*) FROM grants HAVING count(*) > 1' },
}

/** One token, at a moment that stands still. */
const LEASE = `SELECT granted FROM holdfast.lease_quotas(ARRAY['p'], ARRAY['ann'],
  ARRAY[1000]::float8[], ARRAY[1], ARRAY[0], ARRAY[1], ARRAY[0], 5000)`

async function granted(db: Db, who: string): Promise<string> {
  if ((await number(db, LEASE)) === 0) return 'too many'
  await db.query('INSERT INTO grants VALUES ($1)', [who])
  return 'granted'
}

async function grantedAfterLook(db: Db, who: string): Promise<string> {
  const used = `SELECT tat_ms FROM holdfast.quotas WHERE policy = 'p' AND subject = 'ann'`
  if ((await number(db, used)) > 5_000) return 'too many'
  await db.query(`INSERT INTO holdfast.quotas VALUES ('p', 'ann', 6000)
    ON CONFLICT (policy, subject) DO UPDATE SET tat_ms = excluded.tat_ms`)
  await db.query('INSERT INTO grants VALUES ($1)', [who])
  return 'granted'
}

const HISTORY = {
  schema: 'CREATE TABLE history (n bigint NOT NULL); CREATE TABLE gate (open boolean);',
  seed: 'INSERT INTO history VALUES (1), (2); INSERT INTO gate VALUES (true)',
}

/** Rewrites the table, and tells so as the runner of migrations does. */
const migrate = (db: Db) =>
  inTransaction(db, async (tx) => {
    await tx.query('ALTER TABLE history ALTER n TYPE bigint USING n + 0')
    await tx.query(
      `SELECT setval('holdfast.schema_change', pg_current_xact_id()::text::bigint) > 0 AS told`,
    )
  })

/** The first statement takes the snapshot; the table may be rewritten before the second. */
const summed = (checks: boolean) => (db: Db) =>
  inTransaction(
    db,
    async (tx) => {
      await tx.query('SELECT open FROM gate')
      const sum = await number(tx, 'SELECT coalesce(sum(n), 0) FROM history')
      if (checks) await send(tx, currentSchemaStatement)
      return sum
    },
    { isolation: 'repeatable read', attemptsMax: 3 },
  )

const lampTwice = (run: (db: Db, what: string) => Promise<string>) => twice((db) => run(db, 'lamp'))

const lampAndSofa = (compares: boolean) => ({
  lamp: (db: Db) => toldTo(db, 'lamp', compares),
  sofa: (db: Db) => toldTo(db, 'sofa', compares),
})

export const requests: Readonly<Record<string, Primitive>> = {
  'idempotency key': {
    schema: ORDERS,
    invariants: ONE_ORDER,
    real: lampTwice(once),
    broken: {
      'claimed before the transaction': lampTwice(claimedBefore),
      'recorded when all is done': lampTwice(recordedAfter),
      'its reply stored later': lampTwice(replyAfter),
    },
  },
  'fingerprint of the request': {
    schema: `${ORDERS} CREATE TABLE misled (what text PRIMARY KEY);`,
    invariants: { 'a reply is about its request': 'SELECT what FROM misled' },
    real: lampAndSofa(true),
    broken: { 'not compared': lampAndSofa(false) },
  },
  'expired key': {
    schema: ORDERS,
    invariants: ONE_ORDER,
    seed: `INSERT INTO holdfast.idempotency_keys
      VALUES ('${TENANT}', 'ann', 'place', 'k1', sha256('lamp'), '2020-01-01', '2020-01-02', 200, 'text/plain', '{}', 'old')`,
    ignore: ['holdfast.idempotency_keys.expires_at'],
    real: twice((db) => renewed(db, removeExpiredStatement(claimOf('lamp')))),
    broken: { 'freed without a look': twice((db) => renewed(db, removeWhatever)) },
  },
  'audit entry': witnessed('audit_entries', audited),
  event: witnessed('events', stated),
  job: witnessed('jobs', enqueued),
  'check of the credential': {
    ...SECRET,
    real: { read: checkedInside, revoke },
    broken: { 'before the transaction': { read: checkedAtTheDoor, revoke } },
  },
  'expected rows of a deferred write': {
    ...ACCOUNT,
    real: payOut(expectRows(debit, 1, 0)),
    broken: { 'not counted': payOut(debit) },
  },
  'If-Match': {
    ...ACCOUNT,
    real: twice(savedIfMatch),
    broken: { 'compared, then written': twice(savedAfterLook) },
  },
  'exact quota': {
    ...GRANTS,
    real: twice(granted),
    broken: { 'read, then written': twice(grantedAfterLook) },
  },
  'check of the schema': {
    ...HISTORY,
    real: { sum: summed(true), migrate },
    broken: { 'left out': { sum: summed(false), migrate } },
  },
}
