import { errorText, valueText } from '../judge/outcome.ts'
import type { Answer } from '../run/session.ts'

const ROWS_SHOWN_MAX = 3

/** The first rows, how many were written, or the error. */
export function answerText(answer: Answer | undefined): string {
  if (answer === undefined) return ''
  if (!answer.ok) return errorText(answer.error)
  const { rows, rowCount, command } = (answer.value ?? {}) as {
    rows?: unknown[]
    rowCount?: number | null
    command?: string
  }
  if (rows !== undefined && rows.length > 0) {
    const shown = rows.slice(0, ROWS_SHOWN_MAX).map(valueText).join(' ')
    return rows.length > ROWS_SHOWN_MAX
      ? `${shown} and ${rows.length - ROWS_SHOWN_MAX} more`
      : shown
  }
  if (typeof rowCount !== 'number') return command ?? ''
  return `${rowCount} ${rowCount === 1 ? 'row' : 'rows'}`
}
