const HIDDEN = '[redacted]'

/** A log line must stay small and finite whatever is put into it. */
const DEPTH_MAX = 6
const ENTRIES_MAX = 50
const TEXT_LENGTH_MAX = 4000
const CAUSES_MAX = 5

const SECRET_NAME =
  /pass(?:word|wd|phrase)|secret|authorization|cookie|api_?-?key|private_?-?key|credential(?!id)|^key$|^token$|(?:access|refresh|id|session|bearer)_?-?token|signature/i

/** Values that give themselves away: an API key of ours, a bearer header, a password in a URL. */
const SECRET_TEXT =
  /\bhf_[a-z0-9]+_[A-Za-z0-9_-]{12,}|\b[Bb]earer\s+[A-Za-z0-9._~+/-]{8,}=*|(?<=:\/\/[^\s/:@]{0,64}:)[^\s/@]+(?=@)/g

/** A copy of the fields that may be written: secrets replaced, depth, breadth and length bounded. */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return entries(fields, 0)
}

/** The text with everything that looks like a secret replaced. */
export function redactText(text: string): string {
  const short = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}...` : text
  return short.replace(SECRET_TEXT, HIDDEN)
}

function entries(object: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  let count = 0
  for (const [key, value] of Object.entries(object)) {
    if (++count > ENTRIES_MAX) {
      copy['...'] = 'more entries'
      break
    }
    copy[key] = SECRET_NAME.test(key) && value != null ? HIDDEN : shareable(value, depth)
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

/**
 * Name, message, code, stack and causes. Of the other properties only what a database error needs
 * to be understood: its `detail` and `where` may hold the values of a row.
 */
function describeError(error: Error, causes: number): Record<string, unknown> {
  const { code, constraint, schema, table, facts } = error as Error & Record<string, unknown>
  const described: Record<string, unknown> = {
    name: error.name,
    message: redactText(error.message),
    ...defined({ code, constraint, schema, table }),
    stack: redactText(error.stack ?? ''),
  }
  if (typeof facts === 'object' && facts !== null) described.facts = entries(facts, 1)
  if (error.cause instanceof Error && causes < CAUSES_MAX)
    described.cause = describeError(error.cause, causes + 1)
  return described
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value === 'string'))
}
