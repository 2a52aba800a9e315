/** CSV as RFC 4180 writes it, for people who open it in a spreadsheet. */
export type CsvCell = string | number | null

/**
 * What a spreadsheet would take for a formula, and run, gets an apostrophe in front; so does what has
 * some already, or two texts would be written alike.
 */
const FORMULA = /^'*[=+\-@\t\r]/
const SPECIAL = /[",\r\n]/

export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(cellText).join(',')}\r\n`
}

function cellText(cell: CsvCell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
