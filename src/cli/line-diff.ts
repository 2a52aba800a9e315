/** Lines of context around a change. */
const CONTEXT_LINES = 2
/** The table grows with the product of both lengths; beyond it, old and new are shown as they are. */
const CELLS_MAX = 4_000_000
/** Nobody reads more in a terminal. */
const LINES_MAX = 200

type Edit = readonly [mark: ' ' | '-' | '+', line: string]

/** What to take away (-) from `before` and to add (+) to get `after`, with a little context. */
export function lineDiff(before: string, after: string): string {
  const edits = toEdits(before.split('\n'), after.split('\n'))
  const near = (index: number) =>
    edits
      .slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1)
      .some(([mark]) => mark !== ' ')
  const shown = edits.filter((_, index) => near(index)).map(([mark, line]) => `${mark} ${line}`)
  if (shown.length <= LINES_MAX) return shown.join('\n')
  return [...shown.slice(0, LINES_MAX), `... ${shown.length - LINES_MAX} more lines`].join('\n')
}

function toEdits(before: readonly string[], after: readonly string[]): Edit[] {
  if ((before.length + 1) * (after.length + 1) > CELLS_MAX) {
    return [...before.map((line): Edit => ['-', line]), ...after.map((line): Edit => ['+', line])]
  }
  return walk(before, after, commonLengths(before, after))
}

/** lengths[i][j]: the longest common subsequence of before[i..] and after[j..]. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array[] {
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1))
  const at = (row: number, column: number) => lengths[row]?.[column] ?? 0
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      const longest =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1))
      ;(lengths[row] as Uint32Array)[column] = longest
    }
  }
  return lengths
}

function walk(
  before: readonly string[],
  after: readonly string[],
  lengths: readonly Uint32Array[],
): Edit[] {
  const edits: Edit[] = []
  let row = 0
  let column = 0
  while (row < before.length || column < after.length) {
    const removing = lengths[row + 1]?.[column] ?? -1
    const adding = column < after.length ? (lengths[row]?.[column + 1] ?? -1) : -1
    if (row < before.length && before[row] === after[column]) {
      edits.push([' ', before[row++] as string])
      column++
    } else if (removing >= adding) edits.push(['-', before[row++] as string])
    else edits.push(['+', after[column++] as string])
  }
  return edits
}
