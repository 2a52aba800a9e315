import type { Response } from 'express'

const TWELVE_HOURS_MS = 12 * 60 * 60_000

/** `__Host-` makes the browser insist on Secure, Path=/ and no Domain. */
export function signIn(response: Response, id: string): void {
  response.cookie('__Host-session', id, {
    httpOnly: true,
    secure: true,
    sameSite: 'lax',
    path: '/',
    maxAge: TWELVE_HOURS_MS,
  })
}
