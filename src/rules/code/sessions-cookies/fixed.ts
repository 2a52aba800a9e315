import { randomBytes } from 'node:crypto'

/** A login always begins a new session, and ends the one before. */
export function logIn(sessions: Map<string, string>, user: string, sent?: string): string {
  if (sent !== undefined) sessions.delete(sent)
  const id = randomBytes(32).toString('base64url')
  sessions.set(id, user)
  return `__Host-sid=${id}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=43200`
}
