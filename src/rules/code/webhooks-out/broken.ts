import { createHmac } from 'node:crypto'

/** The body alone is signed: a recorded delivery can be sent again next year. */
export function signed(secret: string, _id: string, _sentAtS: number, body: object) {
  const signature = createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex')
  return { headers: { 'x-signature': signature }, body: JSON.stringify(body) }
}
