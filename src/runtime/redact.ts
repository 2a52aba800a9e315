import { Remembered } from '../base/remembered.ts'

const HIDDEN = '[redacted]'

/** A log line must stay small and finite whatever is put into it. */
const DEPTH_MAX = 6
const ENTRIES_MAX = 50
const TEXT_LENGTH_MAX = 4000
const CAUSES_MAX = 5

const SECRET_NAME =
  /pass(?:word|wd|phrase)|secret|authorization|cookie|api_?-?key|private_?-?key|credential(?!id)|^key$|^token$|(?:access|refresh|id|session|bearer)_?-?token|signature/i

/** Names of fields come from code and are few; what callers name is not remembered beyond this. */
const NAMES_KNOWN_MAX = 1_000
const secretNames = new Remembered(NAMES_KNOWN_MAX, (name) => SECRET_NAME.test(name))

/** Values that give themselves away: an API key of ours, a bearer header, a password in a URL. */
const SECRET_TEXT =
  /\bhf_[a-z0-9]+_[A-Za-z0-9_-]{12,}|\b[Bb]earer\s+[A-Za-z0-9._~+/-]{8,}=*|(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@]+(?=@)/g

/** Most texts are names and ids: three searches cost less than the pattern. */
function mayHoldSecret(text: string): boolean {
  return text.includes('hf_') || text.includes('earer') || text.includes('://')
}

/** A copy of the fields that may be written: secrets replaced, depth, breadth and length bounded. */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return entries(fields, 0)
}

/** The text with everything that looks like a secret replaced. */
export function redactText(text: string): string {
  const short = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}...` : text
  return mayHoldSecret(short) ? short.replace(SECRET_TEXT, HIDDEN) : short
}

function entries(object: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  let count = 0
  for (const key of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[key]
    if (++count > ENTRIES_MAX) {
      copy['...'] = 'more entries'
      break
    }
    copy[key] = value != null && secretNames.of(key) ? HIDDEN : shareable(value, depth)
  }
  return copy
}

function shareable(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return describeError(value, 0)
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  if (depth >= DEPTH_MAX) return '[deeper]'
  if (Array.isArray(value))
    return value.slice(0, ENTRIES_MAX).map((item) => shareable(item, depth + 1))
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return String(value)
  return entries(value, depth + 1)
}

/** Data exceptions of Postgres (class 22) quote the value that they complain about. */
const DATA_EXCEPTION = /^22[0-9A-Z]{3}$/
const QUOTED = /"[\s\S]*"/

/**
 * Name, message, code, stack and causes. Of the other properties only what a database error needs
 * to be understood: its `detail` and `where` may hold the values of a row.
 */
function describeError(error: Error, causes: number): Record<string, unknown> {
  const { code, state, constraint, schema, table, facts } = error as Error & Record<string, unknown>
  const holdsValue = DATA_EXCEPTION.test(String(state ?? code))
  const message = holdsValue ? error.message.replace(QUOTED, '"..."') : error.message
  const described: Record<string, unknown> = {
    name: error.name,
    message: redactText(message),
    ...defined({ code, state, constraint, schema, table }),
    stack: redactText((error.stack ?? '').replace(error.message, () => message)),
  }
  if (typeof facts === 'object' && facts !== null) described.facts = entries(facts, 1)
  if (error.cause instanceof Error && causes < CAUSES_MAX)
    described.cause = describeError(error.cause, causes + 1)
  return described
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value === 'string'))
}
