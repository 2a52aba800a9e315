/**
 * Which rows of a seed a violation needs: the others are left out, half of them at first, then fewer
 * at a time, as long as it comes again (Zeller and Hildebrandt, Simplifying and Isolating
 * Failure-Inducing Input, IEEE TSE 28(2), 2002, without its complements).
 */

/** Each is a dozen schedules: some seconds in all. */
const TRIES_MAX = 24

/** The fewest that were found to do; `does` is asked of ever fewer. */
export async function fewestRows<T>(
  rows: readonly T[],
  does: (rows: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = rows
  let size = Math.ceil(rows.length / 2)
  let at = 0
  for (let tries = 0; tries < TRIES_MAX && size > 0; tries++) {
    const fewer = [...kept.slice(0, at), ...kept.slice(at + size)]
    if (await does(fewer)) kept = fewer
    else at += size
    if (at < kept.length) continue
    at = 0
    size = size === 1 ? 0 : Math.ceil(size / 2)
  }
  return kept
}
