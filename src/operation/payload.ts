/** Payloads of events and jobs on their way into the database and back. */
import { HoldfastError } from '../base/fault.ts'
import { parseWith, type Schema, type Violation } from '../base/schema.ts'

interface Carrier {
  readonly kind: 'event' | 'job'
  readonly name: string
  readonly payload: Schema
}

/** A payload is read by every consumer and kept for long; larger things belong into a table. */
const PAYLOAD_BYTES_MAX = 64 * 1024

/** What is stored is what the schema's input was: it is parsed again by whoever reads it. */
export function encodePayload(
  carrier: Carrier,
  payload: unknown,
): { value: unknown; json: string } {
  const value = parsedPayload(carrier, payload)
  const json = JSON.stringify(payload)
  if (json.length <= PAYLOAD_BYTES_MAX) return { value, json }
  throw new HoldfastError(
    'HF_EVENT_INVALID',
    `${carrier.kind} ${carrier.name}: ${json.length} characters, at most ${PAYLOAD_BYTES_MAX}.`,
  )
}

/** A stored payload as its handler receives it. */
export function parsedPayload(carrier: Carrier, payload: unknown): unknown {
  const parsed = parseWith(carrier.payload, payload)
  if (parsed instanceof Promise) {
    throw new HoldfastError('HF_EVENT_INVALID', `${carrier.name}: its schema must not be async.`)
  }
  if (parsed.ok) return parsed.value
  throw new HoldfastError('HF_EVENT_INVALID', `${carrier.name}: ${listed(parsed.violations)}.`)
}

export function listed(violations: readonly Violation[]): string {
  return violations.map(({ pointer, message }) => `${pointer || '/'}: ${message}`).join('; ')
}
