import { createHash } from 'node:crypto'

export interface Entry {
  readonly who: string
  readonly what: string
}

/** Each seal covers the one before it: a changed or missing entry breaks every later one. */
export function createAudit() {
  const entries: Entry[] = []
  const seals: string[] = []
  const seal = (previous: string, entry: Entry) =>
    createHash('sha256').update(previous).update(JSON.stringify(entry)).digest('hex')
  return {
    entries,
    append(entry: Entry): void {
      seals.push(seal(seals.at(-1) ?? '', entry))
      entries.push(entry)
    },
    isWhole: () =>
      entries.length === seals.length &&
      entries.every((entry, at) => seals[at] === seal(seals[at - 1] ?? '', entry)),
  }
}
