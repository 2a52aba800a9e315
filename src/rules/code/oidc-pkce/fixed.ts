import { createHash, randomBytes } from 'node:crypto'

/**
 * `keep` stays in the session: state is compared, verifier sent with the code, nonce found in the
 * token.
 */
export function authorizeUrl(issuer: string, clientId: string, redirect: string) {
  const [state, nonce, verifier] = [random(), random(), random()]
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirect,
    scope: 'openid',
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  return { url: `${issuer}/authorize?${query}`, keep: { state, nonce, verifier } }
}

function random(): string {
  return randomBytes(32).toString('base64url')
}
