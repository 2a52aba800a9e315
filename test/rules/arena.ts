/** A schema of its own for each run, and databases that can be watched, stopped and broken. */
import pg, { type Pool, type PoolClient } from 'pg'
import type { TestDatabase } from '../../src/testing/test-database.ts'
import { until } from '../until.ts'

export interface Arena {
  readonly db: Pool
  readonly url: string
  rows<Row extends object>(sql: string): Promise<readonly Row[]>
  /** The first column of the first row, as text. */
  value(sql: string): Promise<string>
}

let schemas = 0

export async function inArena(
  database: TestDatabase,
  setup: string,
  body: (arena: Arena) => Promise<void>,
): Promise<void> {
  schemas += 1
  const url = new URL(database.url)
  url.searchParams.set('options', `-c search_path=rule_${schemas}`)
  const db = new pg.Pool({ connectionString: url.href, max: 4 })
  db.on('error', () => undefined)
  // end() does not wait for the sockets, and whoever is still there when the database goes is told.
  db.on('connect', (client) => client.on('error', () => undefined))
  const held = new Set<PoolClient>()
  db.on('acquire', (client) => held.add(client))
  db.on('release', (_error, client) => held.delete(client))
  const rows = async (sql: string) => (await db.query(sql)).rows
  const value = async (sql: string) => String(Object.values((await rows(sql))[0] ?? {})[0])
  try {
    await db.query(`CREATE SCHEMA rule_${schemas}`)
    if (setup !== '') await db.query(setup)
    await body({ db, url: url.href, rows, value })
  } finally {
    for (const client of held) client.release(true)
    await db.end()
  }
}

type Around = (text: string, run: () => Promise<unknown>) => Promise<unknown>

/** The same pool, with something around each of its statements, those of its clients too. */
export function around(db: Pool, hook: Around): Pool {
  const wrap = <Target extends Pool | PoolClient>(target: Target): Target =>
    new Proxy(target, {
      get(_, name) {
        if (name === 'query')
          return (text: string, values?: unknown[]) =>
            hook(text, () => target.query(text, values) as Promise<unknown>)
        if (name === 'connect')
          return async () => wrap((await target.connect()) as unknown as PoolClient)
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  return wrap(db)
}

export interface Recorded {
  readonly text: string
  readonly rowCount: number
}

export function recording(db: Pool): { db: Pool; statements: Recorded[] } {
  const statements: Recorded[] = []
  const watched = around(db, async (text, run) => {
    const result = await run()
    statements.push({ text, rowCount: (result as { rowCount: number | null }).rowCount ?? 0 })
    return result
  })
  return { db: watched, statements }
}

export class CutError extends Error {}

/** The process dies, so to speak, before the n-th statement that matches. */
export function cutAt(db: Pool, pattern: RegExp, nth = 1): Pool {
  let seen = 0
  return around(db, async (text, run) => {
    if (pattern.test(text)) seen += 1
    if (pattern.test(text) && seen === nth) throw new CutError(text)
    return run()
  })
}

/** Stops behind the first statement that matches, until told to go on. */
export function pausing(db: Pool, pattern: RegExp) {
  const reached = Promise.withResolvers<void>()
  const going = Promise.withResolvers<void>()
  const paused = around(db, async (text, run) => {
    const result = await run()
    if (pattern.test(text)) {
      reached.resolve()
      await going.promise
    }
    return result
  })
  return { db: paused, reached: reached.promise, go: () => going.resolve() }
}

const WAITING = `SELECT count(*) AS n FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ $1`

/** Until the work has ended, or a statement like this one waits for a lock. */
export async function endedOrBlocked(
  db: Pool,
  work: Promise<unknown>,
  pattern: string,
): Promise<void> {
  let ended = false
  const end = () => {
    ended = true
  }
  work.then(end, end)
  await until(`${pattern} ends or waits`, async () => {
    if (ended) return true
    const { rows } = await db.query(WAITING, [pattern])
    return Number(rows[0].n) > 0
  })
}
