import { sign } from 'jsonwebtoken'

export function tokenFor(user: string, key: string): string {
  return sign({ sub: user }, key, { algorithm: 'HS256' })
}
