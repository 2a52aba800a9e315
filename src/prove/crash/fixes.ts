import type { Fix } from '../verdict.ts'
import type { Difference } from './judge.ts'
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

/** What happens outside is in no transaction. */
export function fixesFor(kind: CrashClass, found: readonly Difference[]): readonly Fix[] {
  const outside = found.some((difference) => difference.kind === 'outside more')
  return kind === 'done-twice' && outside ? [INTENTION, CLAIM] : FIXES[kind]
}
