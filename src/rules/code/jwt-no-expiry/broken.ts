export interface Claims {
  readonly sub: string
  readonly exp?: number
}

export function principalOf(claims: Claims, _nowS: number): string {
  return claims.sub
}
