type Part = 'flight' | 'hotel' | 'car'

export interface Trip {
  book(what: Part): Promise<void>
  cancel(what: Part): Promise<void>
}

/**
 * `log` is durable. A step is written down before it is tried, so whoever resumes knows what may
 * have happened; booking and cancelling carry the saga's id and may be repeated.
 */
export async function bookTrip(trip: Trip, log: string[]): Promise<boolean> {
  const undo = async (): Promise<boolean> => {
    if (!log.includes('undo')) log.push('undo')
    for (const part of (['car', 'hotel', 'flight'] as const).filter((name) => log.includes(name))) {
      await trip.cancel(part)
    }
    return false
  }
  if (log.includes('undo')) return undo()
  for (const part of ['flight', 'hotel', 'car'] as const) {
    if (!log.includes(part)) log.push(part)
    try {
      await trip.book(part)
    } catch {
      return undo()
    }
  }
  return true
}
