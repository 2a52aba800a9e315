/**
 * Standard Webhooks 1.0.0 (standardwebhooks.com), symmetric: what is signed is
 * `{id}.{timestamp}.{body}`, with HMAC-SHA256, over the bytes as they travel.
 *
 * The id is the same for every attempt, so it is the receiver's key against doing it twice; the
 * timestamp is that of the attempt, so that a recorded request is worth nothing minutes later.
 */
import { optionError } from '../../base/bounds.ts'
import { equalBytes, hmacSha256 } from '../../base/digest.ts'

export interface WebhookMessage {
  readonly id: string
  /** Seconds since the Unix epoch. */
  readonly timestampS: number
  readonly body: string | Uint8Array
}

const SECRET_PREFIX = 'whsec_'
const SECRET_BYTES = { min: 24, max: 64 } as const
/** No dot: it parts what is signed. */
const ID = /^[A-Za-z0-9_-]{1,200}$/
const TIMESTAMP = /^\d{1,12}$/
/** Two secrets while one is rotated, and room for schemes that are not read here. */
const SIGNATURES_MAX = 10
const SIGNATURE_HEADER_LENGTH_MAX = 2_000

/** The bytes of `whsec_...`. */
export function webhookSecret(text: string): Buffer {
  const bytes = Buffer.from(text.slice(SECRET_PREFIX.length), 'base64')
  const sized = bytes.length >= SECRET_BYTES.min && bytes.length <= SECRET_BYTES.max
  if (text.startsWith(SECRET_PREFIX) && sized) return bytes
  const form = `must be ${SECRET_PREFIX} and ${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes in base64`
  throw optionError('webhook', 'secret', form)
}

/** The headers of one attempt; several secrets while one replaces another. */
export function signWebhook(
  message: WebhookMessage,
  secrets: readonly Buffer[],
): Record<string, string> {
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestampS),
    'webhook-signature': secrets.map((secret) => `v1,${mac(message, secret)}`).join(' '),
  }
}

function mac({ id, timestampS, body }: WebhookMessage, secret: Buffer): string {
  const signed = Buffer.concat([Buffer.from(`${id}.${timestampS}.`), Buffer.from(body)])
  return hmacSha256(secret, signed).toString('base64')
}

export interface ReceivedWebhook {
  /** By lower-case name; what came twice is joined by a comma, and so refused. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
  readonly nowMs: number
  readonly toleranceMs: number
}

export type VerifiedWebhook =
  | {
      readonly ok: true
      readonly id: string
      /** Which of the secrets it was signed with. */
      readonly secretIndex: number
    }
  | { readonly ok: false; readonly reason: string }

/** Every secret is tried whatever came before, each in constant time. */
export function verifyWebhook(
  received: ReceivedWebhook,
  secrets: readonly Buffer[],
): VerifiedWebhook {
  const { headers, body, nowMs, toleranceMs } = received
  const id = textOf(headers['webhook-id'])
  const timestamp = textOf(headers['webhook-timestamp'])
  const signatures = textOf(headers['webhook-signature'])
  if (!ID.test(id) || !TIMESTAMP.test(timestamp) || signatures === '') {
    return refused('webhook-id, webhook-timestamp and webhook-signature must be sent, once each')
  }
  const timestampS = Number(timestamp)
  if (Math.abs(nowMs - timestampS * 1000) > toleranceMs) {
    return refused('webhook-timestamp is too old, or in the future')
  }
  const message = { id, timestampS, body }
  const shown = shownMacs(signatures)
  const fits = secrets.map((secret) => {
    const expected = Buffer.from(mac(message, secret))
    return shown.map((each) => equalBytes(each, expected)).includes(true)
  })
  const secretIndex = fits.indexOf(true)
  return secretIndex < 0 ? refused('no signature fits') : { ok: true, id, secretIndex }
}

function shownMacs(header: string): readonly Buffer[] {
  if (header.length > SIGNATURE_HEADER_LENGTH_MAX) return []
  const parts = header.split(' ').slice(0, SIGNATURES_MAX)
  return parts.filter((part) => part.startsWith('v1,')).map((part) => Buffer.from(part.slice(3)))
}

function textOf(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : ''
}

function refused(reason: string): VerifiedWebhook {
  return { ok: false, reason }
}
