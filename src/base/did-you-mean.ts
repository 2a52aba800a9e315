/** Names longer than this are not compared: the table grows with the product of the lengths. */
const NAME_LENGTH_MAX = 64

/** The candidate most like `name`, where it is like enough to be a slip of the hand. */
export function closest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > NAME_LENGTH_MAX) return undefined
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    // Between names of one or two letters everything is near everything.
    if (Math.max(name.length, candidate.length) < 3) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `; did you mean "quantity"?`, or nothing where no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const found = closest(name, candidates)
  return found === undefined ? '' : `; did you mean "${found}"?`
}

/** Optimal string alignment: insert, delete, replace, and swap of two neighbours cost one each. */
function editDistance(left: string, right: string): number {
  if (Math.abs(left.length - right.length) > NAME_LENGTH_MAX) return NAME_LENGTH_MAX
  let older: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      current.push(cell(left, right, row, column, { older, previous, current }))
    }
    older = previous
    previous = current
  }
  return previous[right.length] as number
}

interface Lines {
  readonly older: readonly number[]
  readonly previous: readonly number[]
  readonly current: readonly number[]
}

function cell(left: string, right: string, row: number, column: number, lines: Lines): number {
  const same = left[row - 1] === right[column - 1]
  const steps = [
    (lines.previous[column] as number) + 1,
    (lines.current[column - 1] as number) + 1,
    (lines.previous[column - 1] as number) + (same ? 0 : 1),
  ]
  const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
  if (row > 1 && column > 1 && swapped) steps.push((lines.older[column - 2] as number) + 1)
  return Math.min(...steps)
}
