/** Durations as people write them: `500ms`, `10s`, `5min`, `24h`, `30d`. */
const unitMs = {
  ms: 1,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
} as const

export type DurationUnit = keyof typeof unitMs

/** `10s`, `10 s`, `min` (one minute). */
export type Duration = DurationUnit | `${number}${DurationUnit}` | `${number} ${DurationUnit}`

export const durationUnits = Object.keys(unitMs) as readonly DurationUnit[]

const DURATION = /^(\d{1,9})? ?([a-z]+)$/

/** Milliseconds, or undefined where the text is no duration. Zero is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null || !Object.hasOwn(unitMs, match[2] as string)) return undefined
  const count = match[1] === undefined ? 1 : Number(match[1])
  return count === 0 ? undefined : count * unitMs[match[2] as DurationUnit]
}
