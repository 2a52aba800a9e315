export interface Claims {
  readonly sub: string
  readonly exp?: number
}

const LEEWAY_S = 30

/** A token without an end is refused too: nobody could take it back. */
export function principalOf(claims: Claims, nowS: number): string {
  if (claims.exp === undefined) throw new Error('a token must end')
  if (nowS > claims.exp + LEEWAY_S) throw new Error('expired')
  return claims.sub
}
