import { createHmac, type KeyObject, verify } from 'node:crypto'

/** The token itself says how it is to be checked: whoever has the public key can sign with it. */
export function claimsOf(token: string, publicKey: KeyObject): Record<string, unknown> {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const signed = Buffer.from(`${header}.${payload}`)
  const given = Buffer.from(signature, 'base64url')
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const isGood =
    alg === 'HS256'
      ? createHmac('sha256', pem).update(signed).digest().equals(given)
      : verify('sha256', signed, publicKey, given)
  if (!isGood) throw new Error('bad signature')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}
