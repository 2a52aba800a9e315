const MINUTE_MS = 60_000

/**
 * Local time is kept, the offset of that day is looked up. With Temporal: `zoned.add({ days: 1
 * })`.
 */
export function sameTimeNextDay(at: string, zone: string): string {
  const startMs = Date.parse(at)
  const aDayLaterMs = startMs + 24 * 60 * MINUTE_MS
  const shiftMs = offsetMs(startMs, zone) - offsetMs(aDayLaterMs, zone)
  return new Date(aDayLaterMs + shiftMs).toISOString()
}

function offsetMs(ms: number, zone: string): number {
  const text = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
    .formatToParts(ms)
    .find(({ type }) => type === 'timeZoneName')?.value
  const [, sign, hours = '0', minutes = '0'] = /([+-])(\d+):(\d+)/.exec(text ?? '') ?? []
  const amountMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS
  return sign === '-' ? -amountMs : amountMs
}
