/** A moment as a timestamptz column shows it: RFC 3339, UTC, no zeros at the end of the fraction. */
export function instant(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.?0+Z$/, 'Z')
}
