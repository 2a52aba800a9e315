import type { Fix } from '../verdict.ts'
import type { Difference } from './judge.ts'
import type { Plan } from './plan.ts'
import type { CrashClass } from './verdict.ts'

const CLAIM: Fix = {
  title: 'Claim the key in the transaction that does the work, and do it only where rowCount is 1',
  sql: 'INSERT INTO keys (key, reply) VALUES ($1, $2) ON CONFLICT DO NOTHING',
}
const INTENTION: Fix = {
  title:
    'Write down first that the call is to be made, make it with a key that the other side knows, then mark it',
  sql: 'INSERT INTO outbox (id) VALUES ($1) ON CONFLICT DO NOTHING',
}
const OUTBOX: Fix = {
  title:
    'Write what is still to be done in the same transaction, and let a loop do it until it is marked',
  sql: 'INSERT INTO outbox (id, payload) VALUES ($1, $2)',
}
const BEHIND: Fix = {
  title: 'Acknowledge, mark and move a cursor behind the work, or in its transaction',
  sql: '',
}
const TOGETHER: Fix = {
  title: 'Put what belongs together into one transaction, its key included',
  sql: 'BEGIN; INSERT INTO keys ... ON CONFLICT DO NOTHING; <the work>; COMMIT',
}
const REPLY: Fix = {
  title: 'Store the answer with the key, and give the same one again',
  sql: 'SELECT reply FROM keys WHERE key = $1',
}
const RETRY: Fix = {
  title: 'Run the whole transaction again on 40001, 40P01 and a lost connection',
  sql: '',
}

const FIXES: Readonly<Record<CrashClass, readonly [Fix, Fix]>> = {
  'done-twice': [CLAIM, TOGETHER],
  lost: [OUTBOX, BEHIND],
  'not-once': [CLAIM, TOGETHER],
  invariant: [TOGETHER, CLAIM],
  'other-answer': [REPLY, CLAIM],
  'no-answer': [RETRY, REPLY],
}

const NEWER: Fix = {
  title: 'Let a message change only what is older than itself',
  sql: 'UPDATE ... SET ..., version = $2 WHERE id = $1 AND version < $2',
}
const REFUSE: Fix = {
  title:
    'Refuse what comes too early, before anything is written, so that it comes again; or ask the broker for order',
  sql: '',
}
const INBOX: Fix = {
  title: 'Keep the key of every message in the transaction that handles it, not only the last one',
  sql: 'INSERT INTO inbox (message) VALUES ($1) ON CONFLICT DO NOTHING',
}
const BOTH_FORMS: Fix = {
  title: 'Read the older forms too, and turn them into the present one where a message comes in',
  sql: '',
}

const PLAN_FIXES: Readonly<Record<Plan['kind'], readonly [Fix, Fix]>> = {
  again: [INBOX, NEWER],
  order: [NEWER, REFUSE],
  late: [NEWER, REFUSE],
  older: [BOTH_FORMS, REFUSE],
}

/** What happens outside is in no transaction. */
export function fixesFor(
  kind: CrashClass,
  found: readonly Difference[],
  plan: Plan | undefined,
): readonly Fix[] {
  if (plan !== undefined) return PLAN_FIXES[plan.kind]
  const outside = found.some((difference) => difference.kind === 'outside more')
  return kind === 'done-twice' && outside ? [INTENTION, CLAIM] : FIXES[kind]
}
