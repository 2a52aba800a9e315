/**
 * Failures that an operation is answered with, whoever awaits the promise that they came by: of two
 * statements in one batch, the second fails with the first while nobody listens yet. A rejection
 * that nobody handles ends the process; one of these has been told already, and does not.
 */
const answered = new WeakSet<object>()

export function markAnswered(failure: unknown): void {
  if (typeof failure === 'object' && failure !== null) answered.add(failure)
}

export function isAnswered(failure: unknown): boolean {
  return typeof failure === 'object' && failure !== null && answered.has(failure)
}
