import { sign } from 'jsonwebtoken'

/** It ends by itself: nobody could take it back. */
export function tokenFor(user: string, key: string): string {
  return sign({ sub: user }, key, { algorithm: 'HS256', expiresIn: '15m' })
}
