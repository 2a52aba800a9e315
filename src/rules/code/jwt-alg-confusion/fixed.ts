import { type KeyObject, verify } from 'node:crypto'

/**
 * One algorithm, decided here; a token of another one is refused before its signature is looked
 * at.
 */
export function claimsOf(token: string, publicKey: KeyObject): Record<string, unknown> {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
  if (alg !== 'RS256') throw new Error('unexpected algorithm')
  const signed = Buffer.from(`${header}.${payload}`)
  if (!verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url')))
    throw new Error('bad signature')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}
