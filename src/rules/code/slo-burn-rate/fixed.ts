interface Window {
  readonly errors: number
  readonly requests: number
}

const BUDGET = 1 - 0.999
/** At this rate 2 % of a month's budget is gone in an hour. */
const BURN_RATE = 14.4

/** Both windows: the long one says that it matters, the short one that it still goes on. */
export function isPage(lastFiveMinutes: Window, lastHour: Window): boolean {
  const burn = ({ errors, requests }: Window) => errors / requests / BUDGET
  return burn(lastFiveMinutes) > BURN_RATE && burn(lastHour) > BURN_RATE
}
