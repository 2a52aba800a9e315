/** Texts of a pattern, as JSON Schema has them: a regular expression of ECMA-262, read as far as schemas go. */
import type { SeededRandom } from '../../base/seeded-random.ts'

type Part =
  | { readonly kind: 'chars'; readonly chars: string }
  | { readonly kind: 'sequence'; readonly parts: readonly Part[] }
  | { readonly kind: 'choice'; readonly parts: readonly Part[] }
  | { readonly kind: 'repeat'; readonly part: Part; readonly min: number; readonly max: number }

/** More than the least is drawn up to this: a longer text finds no other race. */
const REPEATS_MORE = 2
/** A text may miss what this does not read (lookaheads); then another is tried. */
const TRIES_MAX = 20

/** Undefined where no text was found. */
export function patternText(pattern: string, random: SeededRandom): string | undefined {
  const expression = new RegExp(pattern, 'u')
  const part = read(pattern)
  if (part === undefined) return undefined
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const text = write(part, random)
    if (expression.test(text)) return text
  }
  return undefined
}

/** The characters that every text begins with: `ord_` of `^ord_[0-9a-f]{32}$`. */
export function patternPrefix(pattern: string): string {
  const [, prefix = '', next = ''] = /^\^((?:[\w/:-]|\\[/.-])*)(.?)/.exec(pattern) ?? []
  const plain = prefix.replaceAll('\\', '')
  return /[?*+{]/.test(next) ? plain.slice(0, -1) : plain
}

function write(part: Part, random: SeededRandom): string {
  if (part.kind === 'chars') return random.pick([...part.chars])
  if (part.kind === 'sequence') return part.parts.map((one) => write(one, random)).join('')
  if (part.kind === 'choice') return write(random.pick(part.parts), random)
  const { min, max } = part
  const count = random.integer(min, Math.min(max, Math.max(min, 1) + REPEATS_MORE))
  return Array.from({ length: count }, () => write(part.part, random)).join('')
}

function read(pattern: string): Part | undefined {
  try {
    const reader = new PatternReader(pattern)
    const part = reader.choice()
    return reader.ended ? part : undefined
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
}

class Unreadable extends Error {}

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
const CLASSES: Readonly<Record<string, string>> = {
  d: DIGITS,
  w: `${LOWER}${LOWER.toUpperCase()}${DIGITS}_`,
  s: ' ',
  D: LOWER,
  W: '-',
  S: `${LOWER}${DIGITS}`,
}
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }
/** What stands for "any other": printable, and harmless in every text. */
const ANY = `${LOWER}${LOWER.toUpperCase()}${DIGITS} _-.`
const NOTHING: Part = { kind: 'sequence', parts: [] }

class PatternReader {
  readonly #pattern: string
  #at = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  get ended(): boolean {
    return this.#at >= this.#pattern.length
  }

  choice(): Part {
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    return parts.length === 1 ? (parts[0] as Part) : { kind: 'choice', parts }
  }

  #sequence(): Part {
    const parts: Part[] = []
    while (!this.ended && !'|)'.includes(this.#peek)) parts.push(this.#repeated())
    return { kind: 'sequence', parts }
  }

  #repeated(): Part {
    const part = this.#one()
    const [text, min, max] = this.#quantifier()
    if (text === '') return part
    this.#at += text.length
    this.#take('?')
    return { kind: 'repeat', part, min, max }
  }

  #quantifier(): [string, number, number] {
    const rest = this.#pattern.slice(this.#at)
    if (rest.startsWith('?')) return ['?', 0, 1]
    if (rest.startsWith('*')) return ['*', 0, Number.POSITIVE_INFINITY]
    if (rest.startsWith('+')) return ['+', 1, Number.POSITIVE_INFINITY]
    const [text = '', min, comma, max] = /^\{(\d+)(,?)(\d*)\}/.exec(rest) ?? []
    if (comma === '') return [text, Number(min), Number(min)]
    return [text, Number(min), max === '' ? Number.POSITIVE_INFINITY : Number(max)]
  }

  #one(): Part {
    const char = this.#next()
    if (char === '^' || char === '$') return NOTHING
    if (char === '.') return { kind: 'chars', chars: ANY }
    if (char === '(') return this.#group()
    if (char === '[') return this.#class()
    return { kind: 'chars', chars: char === '\\' ? this.#escaped() : char }
  }

  #group(): Part {
    const [kind = ''] = /^\?(?::|<[a-zA-Z]\w*>|[=!<])/.exec(this.#pattern.slice(this.#at)) ?? []
    if (/[=!]$|<$/.test(kind)) throw new Unreadable()
    this.#at += kind.length
    const part = this.choice()
    if (!this.#take(')')) throw new Unreadable()
    return part
  }

  #class(): Part {
    const negated = this.#take('^')
    let chars = ''
    while (!this.#take(']')) chars += this.#range()
    if (!negated) return { kind: 'chars', chars }
    const others = [...ANY].filter((char) => !chars.includes(char)).join('')
    if (others === '') throw new Unreadable()
    return { kind: 'chars', chars: others }
  }

  #range(): string {
    const from = this.#classChar()
    if (from.length > 1 || this.#peek !== '-' || this.#pattern[this.#at + 1] === ']') return from
    this.#at += 1
    const to = this.#classChar()
    const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)]
    // Printable ASCII is enough of a wider range.
    const end = Math.min(last, Math.max(first, 0x7e))
    return String.fromCharCode(...Array.from({ length: end - first + 1 }, (_, at) => first + at))
  }

  #classChar(): string {
    const char = this.#next()
    return char === '\\' ? this.#escaped() : char
  }

  #escaped(): string {
    const char = this.#next()
    if (/[bBkpPux1-9]/.test(char)) throw new Unreadable()
    return CLASSES[char] ?? CONTROLS[char] ?? char
  }

  get #peek(): string {
    return this.#pattern[this.#at] ?? ''
  }

  #next(): string {
    const char = this.#pattern[this.#at]
    if (char === undefined) throw new Unreadable()
    this.#at += 1
    return char
  }

  #take(char: string): boolean {
    if (this.#peek !== char) return false
    this.#at += 1
    return true
  }
}
