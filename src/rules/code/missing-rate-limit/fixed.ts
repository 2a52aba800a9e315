export interface Login {
  readonly email: string
  readonly password: string
}

const FAILURES_MAX = 5
const WINDOW_MS = 15 * 60_000

/**
 * Counted by account, whatever address the tries come from; in an application in a shared store.
 */
export function createLogin(isGood: (login: Login) => boolean, nowMs: () => number) {
  const failures = new Map<string, number[]>()
  return (login: Login): number => {
    const account = login.email.toLowerCase()
    const recent = (failures.get(account) ?? []).filter((at) => nowMs() - at < WINDOW_MS)
    if (recent.length >= FAILURES_MAX) return 429
    if (isGood(login)) return 200
    failures.set(account, [...recent, nowMs()])
    return 401
  }
}
