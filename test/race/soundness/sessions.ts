/** What the directed programs are made of. */
import type { SessionProgram } from './program.ts'

type Isolation = NonNullable<SessionProgram['isolation']>

export function session(
  isolation: Isolation | undefined,
  texts: readonly string[],
  end: SessionProgram['end'] = 'COMMIT',
): SessionProgram {
  return { isolation, statements: texts.map((text) => ({ text, values: [] })), end }
}

export const auto = (...texts: string[]) => session(undefined, texts)
export const rc = (...texts: string[]) => session('read committed', texts)
export const rr = (...texts: string[]) => session('repeatable read', texts)
export const ser = (...texts: string[]) => session('serializable', texts)
export const undone = (...texts: string[]) => session('read committed', texts, 'ROLLBACK')

export const read = (id: number) => `SELECT v FROM r WHERE id = ${id}`
export const add = (id: number) => `UPDATE r SET v = v + 1 WHERE id = ${id}`
export const double = (id: number) => `UPDATE r SET v = v * 2 WHERE id = ${id}`
export const nowait = (id: number) => `SELECT v FROM r WHERE id = ${id} FOR UPDATE NOWAIT`
export const lock = (id: number, strength: string) =>
  `SELECT v FROM r WHERE id = ${id} FOR ${strength}`
export const count = (table: string) => `SELECT count(*) FROM ${table}`
export const sum = 'SELECT sum(v) FROM r'
export const advisory = 'SELECT 1 FROM pg_advisory_xact_lock(1)'
