/**
 * The rule of the batch: a condition inside a batch that ends in COMMIT must raise in the server,
 * because `UPDATE 0` followed by COMMIT commits. This wraps a write so that it does.
 */
import { HoldfastError } from '../base/fault.ts'
import { SCHEMA_IS_CURRENT } from './context.ts'
import { type StatementError, sqlstate } from './sqlstate.ts'
import type { Statement } from './statement.ts'

const RETURNING = /\breturning\b/i

/** Rows that are missing because a migration has rewritten the table are another matter: once more. */
const STATE_OF_MISS = `CASE WHEN ${SCHEMA_IS_CURRENT} THEN '${sqlstate.rowCountMissed}'
 ELSE '${sqlstate.serializationFailure}' END`

/** `place` comes back in the error, so that the caller knows which expectation was missed. */
export function expectRows(statement: Statement, rows: number, place: number): Statement {
  if (RETURNING.test(statement.text)) {
    throw new HoldfastError(
      'HF_OPTION_INVALID',
      'defer with `rows`: the statement must not have RETURNING, its rows could not be read.',
    )
  }
  return {
    text: `${BEFORE}${statement.text}${behind(statement.values.length)}`,
    values: [...statement.values, rows, String(place)],
  }
}

const BEFORE = 'WITH written AS ('

function behind(count: number): string {
  return ` RETURNING 1)
 SELECT holdfast.require(count(*) = $${count + 1}::int, ${STATE_OF_MISS}, 'expectation ' || $${count + 2}::text)
 FROM written`
}

/** The write that was wrapped; any other text as it is. Nothing but its rows is looked at by the rest. */
export function expectedWrite(text: string): string {
  const [, count] = /count\(\*\) = \$(\d+)::int, CASE/.exec(text) ?? []
  const end = behind(Number(count) - 1)
  if (!text.startsWith(BEFORE) || !text.endsWith(end)) return text
  return text.slice(BEFORE.length, -end.length)
}

/** Which expectation was missed, by the place it was given. */
export function missedExpectation(error: StatementError): number {
  return Number(/expectation (\d+)/.exec(error.message)?.[1] ?? -1)
}
