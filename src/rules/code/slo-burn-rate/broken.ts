interface Window {
  readonly errors: number
  readonly requests: number
}

/** Pages at the first bad minute of a quiet night, and sleeps through 0.9 % for a month. */
export function isPage(lastMinute: Window, _lastHour: Window): boolean {
  return lastMinute.errors / lastMinute.requests > 0.01
}
