/** A failed statement as its author needs it: file, line, column, the line itself, what stays. */
import type { DatabaseError } from 'pg'
import { HoldfastError } from '../../base/fault.ts'
import type { MigrationFile } from './source.ts'
import type { SplitStatement } from './split-statements.ts'

/** A statement may hold thousands of rows; its beginning tells which one it is. */
const EXCERPT_CHARACTERS_MAX = 300

export interface Place {
  /** From 1. */
  readonly line: number
  /** From 1, in characters. */
  readonly column: number
}

/** Line and column of an index (UTF-16 units) into a text. */
export function placeAt(text: string, index: number): Place {
  const before = text.slice(0, index)
  const lineStart = before.lastIndexOf('\n') + 1
  return {
    line: before.split('\n').length,
    column: [...before.slice(lineStart)].length + 1,
  }
}

/** The server counts characters from 1 in the statement sent; JavaScript counts UTF-16 units. */
function indexOfPosition(statement: SplitStatement, position: string | undefined): number {
  const characters = Number(position ?? '1') - 1
  return statement.offset + [...statement.text].slice(0, characters).join('').length
}

export function migrationFault(
  file: MigrationFile,
  statement: SplitStatement | undefined,
  error: DatabaseError,
  stays: string,
): HoldfastError {
  const name = `${file.source}/${file.id}.sql`
  const report = `${error.message} (SQLSTATE ${error.code})`
  const place = statement && placeAt(file.sql, indexOfPosition(statement, error.position))
  const where = place ? `line ${place.line}, column ${place.column}` : 'its end (ledger or COMMIT)'
  const parts = [
    `${name} failed at ${where}: ${report}.`,
    place && pointer(file.sql, place),
    statement && `Statement: ${excerpt(statement.text)}`,
    error.detail && `Detail: ${error.detail}`,
    error.where && `Where: ${error.where}`,
    hintFor(error),
    stays,
  ]
  return new HoldfastError('HF_MIGRATION_FAILED', `${parts.filter(Boolean).join('\n')}\n`, {
    cause: error,
    facts: { file: name, ...place, sqlstate: error.code, statement: statement?.text },
  })
}

function pointer(sql: string, place: Place): string {
  const label = `  ${place.line} | `
  const line = sql.split('\n')[place.line - 1] ?? ''
  return `${label}${line}\n${' '.repeat(label.length + place.column - 1)}^`
}

function excerpt(text: string): string {
  const characters = [...text]
  if (characters.length <= EXCERPT_CHARACTERS_MAX) return text
  return `${characters.slice(0, EXCERPT_CHARACTERS_MAX).join('')} ...`
}

/** 25001: "cannot run inside a transaction block"; 55P04: a new enum value used before COMMIT. */
function hintFor(error: DatabaseError): string | undefined {
  if (error.code === '25001' || error.code === '55P04') {
    return 'Hint: move it to a file of its own that begins with "-- holdfast: no-transaction".'
  }
  if (error.code === '42601' && error.message.includes('"\\"')) {
    return 'Hint: psql commands (\\set, \\copy ...) are not SQL; only the server reads this file.'
  }
  return error.hint && `Hint: ${error.hint}`
}
