/** `($1, $2), ($3, $4)`: the VALUES of a multi-row INSERT. Texts repeat, so they are kept. */
const kept = new Map<string, string>()
/** Shapes are few (columns of a table x rows of one command); more than this is a leak. */
const KEPT_MAX = 512

export function valuesList(rows: number, columns: number): string {
  const shape = `${rows}x${columns}`
  const known = kept.get(shape)
  if (known !== undefined) return known
  const text = Array.from({ length: rows }, (_, row) => rowText(row * columns, columns)).join(', ')
  if (kept.size >= KEPT_MAX) kept.clear()
  kept.set(shape, text)
  return text
}

function rowText(start: number, columns: number): string {
  return `(${Array.from({ length: columns }, (_, column) => `$${start + column + 1}`).join(', ')})`
}
