/** Reading JSON that somebody else wrote. */
import { isUtf8 } from 'node:buffer'

/** Deeper input is an attack or a mistake; recursive checks stay far from the end of the stack. */
export const JSON_DEPTH_MAX = 32

export type ReadJson =
  | { readonly ok: true; readonly text: string; readonly value: unknown }
  /** `path`: where a text stands that nothing may hold; without it, the whole is no good JSON. */
  | {
      readonly ok: false
      readonly complaint: string
      readonly path?: readonly (string | number)[] | undefined
    }

/**
 * Reads JSON strictly (RFC 8259, and RFC 7493 where that leaves room): valid UTF-8, no key twice,
 * no key that names a prototype, bounded depth, no text that Postgres cannot hold.
 */
export function parseJson(bytes: Buffer): ReadJson {
  if (!isUtf8(bytes)) return refused('is not valid UTF-8')
  const text = bytes.toString('utf8')
  const shape = scan(text)
  if (shape.depth > JSON_DEPTH_MAX) return refused(`is nested deeper than ${JSON_DEPTH_MAX} levels`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return refused(`is not valid JSON: ${reason(error as SyntaxError)}`)
  }
  const keys = countKeys(value)
  if (keys < 0) return refused('holds a key that is not allowed: __proto__, constructor')
  if (keys !== shape.colons) return refused('holds the same key twice in one object')
  return text.includes('\\u') ? withoutBadText(text, value) : { ok: true, text, value }
}

function refused(complaint: string, path?: readonly (string | number)[]): ReadJson {
  return { ok: false, complaint, path }
}

/** Node's message quotes the body; the first line says enough and stays short. */
function reason(error: SyntaxError): string {
  const line = error.message.split('\n')[0] as string
  return line.length > 160 ? `${line.slice(0, 160)}...` : line
}

const QUOTE = 34
const BACKSLASH = 92
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const COLON = 58

/**
 * One pass over the text, strings skipped: how deep it goes, and how many keys it has, since each
 * colon outside a string follows one. Says nothing about validity; JSON.parse does.
 */
function scan(text: string): { readonly depth: number; readonly colons: number } {
  let depth = 0
  let deepest = 0
  let colons = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (code === COLON) colons++
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > deepest) deepest = depth
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--
  }
  return { depth: deepest, colons }
}

/** The index of the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at++
  }
  return text.length
}

/** The keys of all objects; -1 where one of them names a prototype. A key given twice counts once. */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) {
      const inner = countKeys(item)
      if (inner < 0) return -1
      count += inner
    }
    return count
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || key === 'constructor') return -1
    const inner = countKeys((value as Record<string, unknown>)[key])
    if (inner < 0) return -1
    count += 1 + inner
  }
  return count
}

/** Escapes can write what no UTF-8 text holds: a NUL, or half of a surrogate pair. */
function withoutBadText(text: string, value: unknown): ReadJson {
  const path = findBadText(value)
  if (path === undefined) return { ok: true, text, value }
  return refused('holds a NUL character or an unpaired surrogate, which no text may hold', path)
}

function findBadText(value: unknown): (string | number)[] | undefined {
  if (typeof value === 'string') return isGoodText(value) ? undefined : []
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    if (!isGoodText(key)) return [key.toWellFormed().replaceAll('\0', '')]
    const path = findBadText(inner)
    if (path !== undefined) return [key, ...path]
  }
  return undefined
}

function isGoodText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
