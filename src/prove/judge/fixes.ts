import type { FindingClass } from '../race.ts'
import type { Fix } from '../verdict.ts'
import type { Anomaly } from './classify.ts'

/** The two changes that fit, in the user's own SQL. */
export function fixesFor(kind: FindingClass, anomaly: Anomaly): readonly Fix[] {
  const fixes = FIXES[kind]
  return fixes === undefined ? [] : fixes(anomaly)
}

type Fixes = (anomaly: Anomaly) => readonly Fix[]

const retry: Fix = {
  title: 'Or run the whole command in SERIALIZABLE, and run it again on 40001',
  sql: 'BEGIN ISOLATION LEVEL SERIALIZABLE; ...; COMMIT',
}

const FIXES: Readonly<Partial<Record<FindingClass, Fixes>>> = {
  'lost-update': (anomaly) => [lockRead(anomaly), guardWrite(anomaly)],
  'write-skew': (anomaly) => [lockRead(anomaly), oneTransaction(anomaly)],
  phantom: ({ read, write }) => [
    {
      title: 'Let the server refuse the second row',
      sql: `CREATE UNIQUE INDEX ON ${tableIn(write?.sql ?? read?.sql)} (...); -- and map 23505 to an answer`,
    },
    {
      title:
        'Or lock the row that all of them share, before the check, in the transaction of the write',
      sql: 'SELECT ... FROM <the parent row> FOR UPDATE',
    },
  ],
  'read-skew': ({ read }) => [
    {
      title: 'Read everything from one snapshot',
      sql: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${read?.sql ?? ''}; ...; COMMIT`,
    },
    { title: 'Or read it with one statement', sql: 'SELECT ... JOIN ...' },
  ],
  'not-serializable': () => [
    retry,
    { title: 'Or lock first what the commands share', sql: 'SELECT ... FOR UPDATE' },
  ],
  invariant: () => [],
  'double-effect': () => [
    {
      title: 'Claim the effect before it happens, with a key that only one can insert',
      sql: 'INSERT INTO claims (key) VALUES ($1) ON CONFLICT DO NOTHING -- and go on only where rowCount is 1',
    },
    {
      title: 'Or give the key to whom you call, so that a second call is answered as the first',
      sql: 'Idempotency-Key: <key>',
    },
  ],
  'effect-in-transaction': () => [
    {
      title: 'State what is to be done in the transaction, and do it behind COMMIT',
      sql: 'INSERT INTO outbox (kind, payload) VALUES ($1, $2)',
    },
    { title: 'Or call before BEGIN, with a key that makes a second call harmless', sql: '' },
  ],
  deadlock: () => [
    {
      title: 'Lock in one order everywhere',
      sql: 'SELECT ... WHERE id = ANY($1) ORDER BY id FOR UPDATE -- before the first write',
    },
    { title: 'Or run the whole command again on 40P01', sql: 'ROLLBACK; BEGIN; ...' },
  ],
  'serialization-failure': () => [
    { title: 'Run the whole command again on 40001', sql: 'ROLLBACK; BEGIN ...' },
    { title: 'Or map it to an answer that says "try again"', sql: '' },
  ],
  'unique-violation': ({ write }) => [
    {
      title: 'Let the insert decide',
      sql: beforeReturning(write?.sql ?? 'INSERT ...', 'ON CONFLICT DO NOTHING'),
    },
    { title: 'Or map 23505 to the answer that the check would have given', sql: '' },
  ],
  'self-deadlock': () => [
    { title: 'Use the connection of the transaction for all of its statements', sql: '' },
    { title: 'Or commit before another connection touches the same rows', sql: '' },
  ],
}

function lockRead({ read, scope }: Anomaly): Fix {
  const sql = `${(read?.sql ?? 'SELECT ...').trim().replace(/;$/, '')} FOR UPDATE`
  if (scope || read === undefined)
    return {
      title: 'Check and write in one transaction, and lock what the check reads',
      sql: `BEGIN; ${sql}; ...; COMMIT`,
    }
  return { title: 'Lock what is read, so that the second reads behind the first', sql }
}

function guardWrite({ write, read }: Anomaly): Fix {
  const sql = (write?.sql ?? 'UPDATE ... WHERE ...').trim().replace(/;$/, '')
  const word = /\bwhere\b/i.test(sql) ? 'AND' : 'WHERE'
  const guarded = beforeReturning(sql, `${word} <what the check asks>`)
  return {
    title:
      read === undefined
        ? 'Or put the check into the write'
        : 'Or put the check into the write, compute from the row itself, and look at rowCount',
    sql: guarded,
  }
}

function beforeReturning(sql: string, clause: string): string {
  const at = sql.search(/\s+returning\b(?!.*\breturning\b)/is)
  return at < 0 ? `${sql} ${clause}` : `${sql.slice(0, at)} ${clause}${sql.slice(at)}`
}

function oneTransaction({ scope }: Anomaly): Fix {
  return scope
    ? { ...retry, title: 'Or one SERIALIZABLE transaction around both, run again on 40001' }
    : retry
}

function tableIn(sql = ''): string {
  return /\b(?:into|from|update)\s+([\w."]+)/i.exec(sql)?.[1] ?? '<table>'
}
