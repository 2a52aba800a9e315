import { createHmac } from 'node:crypto'

/** Standard Webhooks: id and time are signed too, over the very bytes that are sent. */
export function signed(secret: string, id: string, sentAtS: number, body: object) {
  const text = JSON.stringify(body)
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${sentAtS}.${text}`).digest('base64')
  return {
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(sentAtS),
      'webhook-signature': `v1,${signature}`,
    },
    body: text,
  }
}
