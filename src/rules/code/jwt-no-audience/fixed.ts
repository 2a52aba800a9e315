export interface Claims {
  readonly sub: string
  readonly iss?: string
  readonly aud?: string | readonly string[]
}

const ISSUER = 'https://id.example'
const AUDIENCE = 'https://orders.example'

export function principalOf(claims: Claims): string {
  if (claims.iss !== ISSUER) throw new Error('unknown issuer')
  if (![claims.aud].flat().includes(AUDIENCE)) throw new Error('not for this service')
  return claims.sub
}
