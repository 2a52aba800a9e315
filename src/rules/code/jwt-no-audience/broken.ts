export interface Claims {
  readonly sub: string
  readonly iss?: string
  readonly aud?: string | readonly string[]
}

/** A token that the same issuer made for another service is as good here. */
export function principalOf(claims: Claims): string {
  return claims.sub
}
