import { randomBytes } from 'node:crypto'

export type Send = (headers: Record<string, string>) => Promise<void>

/** The same trace with a span of our own; also stored with jobs and events. */
export async function callStock(send: Send, traceparent: string): Promise<void> {
  const [version, trace, , flags] = traceparent.split('-')
  const span = randomBytes(8).toString('hex')
  await send({ accept: 'application/json', traceparent: [version, trace, span, flags].join('-') })
}
