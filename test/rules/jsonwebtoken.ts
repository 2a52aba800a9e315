/** Stands in for the library of that name, which is not installed: HS256 and what the rules ask of it. */
import { createHmac } from 'node:crypto'
import { registerHooks } from 'node:module'

interface Checks {
  readonly issuer?: string
  readonly audience?: string
}

interface Claims {
  readonly sub: string
  readonly iss?: string
  readonly aud?: string
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const signatureOf = (text: string, key: string) =>
  createHmac('sha256', key).update(text).digest('base64url')

export function sign(
  claims: object,
  key: string,
  { expiresIn }: { readonly expiresIn?: string },
): string {
  const ends =
    expiresIn === undefined ? {} : { exp: Date.now() / 1_000 + Number.parseInt(expiresIn, 10) * 60 }
  const text = `${part({ alg: 'HS256' })}.${part({ ...claims, ...ends })}`
  return `${text}.${signatureOf(text, key)}`
}

export function verify(token: string, key: string, { issuer, audience }: Checks): Claims {
  const [header, payload = '', signature] = token.split('.')
  if (signature !== signatureOf(`${header}.${payload}`, key)) throw new Error('invalid signature')
  const claims: Claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  if (issuer !== undefined && claims.iss !== issuer) throw new Error('jwt issuer invalid')
  if (audience !== undefined && claims.aud !== audience) throw new Error('jwt audience invalid')
  return claims
}

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'jsonwebtoken' ? next(import.meta.url, context) : next(specifier, context),
})
