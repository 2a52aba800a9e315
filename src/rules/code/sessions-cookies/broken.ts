import { randomBytes } from 'node:crypto'

/** The session that the browser came with goes on after the login: an attacker may know its id. */
export function logIn(sessions: Map<string, string>, user: string, sent?: string): string {
  const id = sent ?? randomBytes(32).toString('base64url')
  sessions.set(id, user)
  return `sid=${id}`
}
