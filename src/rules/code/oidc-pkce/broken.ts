/** Nothing ties the answer to the browser that asked: whoever gets the code may use it anywhere. */
export function authorizeUrl(issuer: string, clientId: string, redirect: string) {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirect,
    scope: 'openid',
  })
  return { url: `${issuer}/authorize?${query}`, keep: {} }
}
