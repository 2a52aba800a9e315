export interface Trip {
  book(what: 'flight' | 'hotel' | 'car'): Promise<void>
  cancel(what: 'flight' | 'hotel' | 'car'): Promise<void>
}

/** The progress is a local variable: a crash forgets what must be undone. */
export async function bookTrip(trip: Trip, _log: string[]): Promise<boolean> {
  const booked: ('flight' | 'hotel' | 'car')[] = []
  try {
    for (const part of ['flight', 'hotel', 'car'] as const) {
      await trip.book(part)
      booked.push(part)
    }
    return true
  } catch {
    for (const part of booked.reverse()) await trip.cancel(part)
    return false
  }
}
