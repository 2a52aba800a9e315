import { verify } from 'jsonwebtoken'

const ISSUER = 'https://id.example'
const AUDIENCE = 'https://orders.example'

export function principalOf(token: string, key: string): string {
  const { sub } = verify(token, key, {
    algorithms: ['HS256'],
    issuer: ISSUER,
    audience: AUDIENCE,
  })
  return sub
}
