import type pg from 'pg'
import { HoldfastError } from '../../base/fault.ts'
import type { RaceInvariant } from '../race.ts'

/** What an invariant found wrong. */
export interface Breach {
  readonly invariant: string
  /** Rows, or what the function said. */
  readonly evidence: readonly string[]
}

const ROWS_SHOWN_MAX = 3

/** Asks the SQL invariants in one statement, and shows rows only of those that are broken. */
export class Invariants {
  readonly #control: pg.Client
  readonly #entries: readonly (readonly [string, RaceInvariant])[]

  constructor(control: pg.Client, invariants: Readonly<Record<string, RaceInvariant>>) {
    this.#control = control
    this.#entries = Object.entries(invariants)
  }

  /** Whether any is asked in every committed state. */
  get watched(): boolean {
    return this.#entries.some(([, ask]) => typeof ask === 'string')
  }

  /** Those that can be asked in any committed state. */
  async ask(): Promise<Breach[]> {
    const texts = this.#entries.filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    )
    if (texts.length === 0) return []
    const { rows } = await this.#query<{ broken: readonly boolean[] }>(
      `SELECT ARRAY[${texts.map(([, sql]) => `EXISTS (${bare(sql)})`).join(', ')}] AS broken`,
    )
    const broken = texts.filter((_, index) => rows[0]?.broken[index] === true)
    return Promise.all(broken.map(([name, sql]) => this.#show(name, sql)))
  }

  /** All of them: functions too, which may take their time. */
  async askAll(): Promise<Breach[]> {
    const breaches = await this.ask()
    for (const [invariant, ask] of this.#entries) {
      if (typeof ask === 'string') continue
      const said = await told(ask, this.#control)
      if (said !== undefined) breaches.push({ invariant, evidence: [said] })
    }
    return breaches
  }

  async #show(invariant: string, sql: string): Promise<Breach> {
    const { rows } = await this.#query<{ row: string }>(
      `SELECT to_json(x)::text AS row FROM (${bare(sql)}) x LIMIT ${ROWS_SHOWN_MAX}`,
    )
    return { invariant, evidence: rows.map(({ row }) => row) }
  }

  async #query<Row extends pg.QueryResultRow>(text: string): Promise<pg.QueryResult<Row>> {
    try {
      return await this.#control.query<Row>(text)
    } catch (cause) {
      throw new HoldfastError(
        'HF_PROVE_SETUP',
        `An invariant fails: ${(cause as Error).message}.`,
        {
          cause,
        },
      )
    }
  }
}

function bare(sql: string): string {
  return sql.trim().replace(/;$/, '')
}

async function told(
  ask: Exclude<RaceInvariant, string>,
  control: pg.Client,
): Promise<string | undefined> {
  try {
    return (await ask(control as unknown as pg.Pool)) ?? undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
