/**
 * The tables of Holdfast as its migrations make them, for the broken twins of its primitives.
 *
 * Roles, grants and row security are left out: all that happens here is of one tenant, and a policy
 * is a function, with which no statement commutes.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { splitStatements } from '../../../src/database/migrate/split-statements.ts'
import type { Statement } from '../../../src/database/statement.ts'
import type { RaceDefinition } from '../../../src/prove/race.ts'
import type { Expectation } from '../benchmark.ts'
import type { Db, Queries } from '../sql.ts'

const ROOMS = [
  'database',
  'state/idempotency',
  'state/audit',
  'state/event',
  'state/job',
  'state/quota',
  'access/api-key',
]

const MADE =
  /^CREATE (?:(?:UNLOGGED )?TABLE|SEQUENCE|(?:UNIQUE )?INDEX|FUNCTION holdfast\.(?:require|lease_quotas))\b|^ALTER TABLE \S+ ADD COLUMN\b/

function tablesOf(room: string): string[] {
  const folder = new URL(`../../../src/${room}/migrations/`, import.meta.url)
  const files = readdirSync(folder).sort()
  const statements = files.flatMap((file) =>
    splitStatements(readFileSync(new URL(file, folder), 'utf8')).map(({ text }) => text),
  )
  return statements
    .filter((text) => MADE.test(text))
    .map((text) => text.replaceAll(/ DEFAULT holdfast\.(?:tenant|actor)\(\)| CONCURRENTLY\b/g, ''))
    .map((text) => `${text};`)
}

/** The test role may be called `holdfast`, whose names without a schema would mean ours. */
const PUBLIC = 'SET search_path = public;'

export const HOUSE = [PUBLIC, 'CREATE SCHEMA holdfast;', ...ROOMS.flatMap(tablesOf)].join('\n')

export const TENANT = 'acme'
/** A statement that waits is known from the lock tables, never by the clock. */
export const LOCK_TIMEOUT_MS = 60_000

/** As the house sends it. */
export function send(db: Queries, { text, values }: Statement) {
  return db.query(text, [...values])
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code)
}

/** What the work has come to, or the answer for an error with this code. */
export async function answered(
  work: Promise<string>,
  answers: Readonly<Record<string, string>>,
): Promise<string> {
  try {
    return await work
  } catch (error) {
    const answer = answers[codeOf(error)]
    if (answer === undefined) throw error
    return answer
  }
}

type Run = RaceDefinition['run']

/** A primitive as the house has it, and everything that looks like it and does not hold. */
export interface Primitive extends Omit<RaceDefinition, 'run' | 'schema'> {
  readonly schema?: string
  readonly real: Run
  readonly broken: Readonly<Record<string, Run>>
}

export function expectationsOf(
  primitives: Readonly<Record<string, Primitive>>,
): readonly Expectation[] {
  return Object.entries(primitives).flatMap(([name, { real, broken, schema = '', ...rest }]) => {
    const definition = (run: Run) => ({ ...rest, schema: [HOUSE, schema], run })
    return [
      ...Object.entries(broken).map(([how, run]) => ({
        title: `${name}: ${how}`,
        definition: definition(run),
        broken: true,
        finds: undefined,
      })),
      {
        title: `${name}: as it is`,
        definition: definition(real),
        broken: false,
        finds: undefined,
      },
    ]
  })
}

/** The same command by two callers. */
export function twice(command: (db: Db, who: string) => Promise<unknown>): Run {
  return { ann: (db) => command(db, 'ann'), bob: (db) => command(db, 'bob') }
}
