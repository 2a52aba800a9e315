/** Two lines of a query may ask for a million rows: friends of friends of friends. */
export function isAllowed(_query: string): boolean {
  return true
}
