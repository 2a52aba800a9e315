/**
 * Reads SQL token by token, as the server's own scanner cuts it (scan.l), and no further than it is
 * asked to: what a statement writes mostly stands in its first few words. Assumes
 * `standard_conforming_strings`, which every supported server has on.
 */
export interface Token {
  /** `word`: a keyword or a bare name; `name`: a quoted one; `param`: $1; `mark`: one character. */
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'param' | 'mark' | 'end'
  /** A word in lower case; a quoted name as it is meant; anything else as it stands. */
  readonly text: string
  /** UTF-16 place in the text, and the place behind it. */
  readonly start: number
  readonly end: number
}

// What scan.l calls space; a no-break space is part of a name there.
const SKIPPED = /[ \t\n\r\f\v]+|--[^\n\r]*/y
const ESCAPE_STRING = /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/y
const STRING = /(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|$)/y
const UNICODE_NAME = /[uU]&"(?:[^"]|"")*(?:"|$)/y
const QUOTED_NAME = /"(?:[^"]|"")*(?:"|$)/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
const PARAM = /\$\d+/y
const NUMBER = /\d[\w.]*/y

export class SqlScanner {
  readonly #text: string
  #at = 0
  #token: Token

  constructor(text: string) {
    this.#text = text
    this.#token = this.#read()
  }

  /** The token that is next; reading it again gives the same one. */
  get token(): Token {
    return this.#token
  }

  /** Takes the next token. */
  take(): Token {
    const taken = this.#token
    this.#token = this.#read()
    return taken
  }

  /** Whether the next token is one of these words or marks. */
  is(...texts: readonly string[]): boolean {
    const { kind, text } = this.#token
    return (kind === 'word' || kind === 'mark') && texts.includes(text)
  }

  /** Takes the next token if it is one of these. */
  skip(...texts: readonly string[]): boolean {
    const found = this.is(...texts)
    if (found) this.take()
    return found
  }

  /** Takes everything from `(` to its `)`; nothing where no `(` is next. */
  skipParens(): void {
    if (!this.skip('(')) return
    this.skipToClose()
  }

  /** Takes everything up to the `)` that closes a group already open, and that one. */
  skipToClose(): void {
    let depth = 1
    while (depth > 0 && this.#token.kind !== 'end') {
      if (this.is('(')) depth++
      if (this.is(')')) depth--
      this.take()
    }
  }

  #read(): Token {
    this.#skipSpace()
    const start = this.#at
    const token = this.#literal(start) ?? this.#wordOrMark(start)
    this.#at = token.end
    return token
  }

  #literal(start: number): Token | undefined {
    const quoted = this.#match(ESCAPE_STRING) ?? this.#match(STRING)
    if (quoted !== undefined) return this.#cut('string', start, quoted)
    const name = this.#match(UNICODE_NAME) ?? this.#match(QUOTED_NAME)
    if (name !== undefined) return this.#name(start, name)
    const tag = this.#match(DOLLAR_TAG)
    return tag === undefined ? undefined : this.#dollarString(start, tag)
  }

  #name(start: number, source: string): Token {
    const end = start + source.length
    if (source.startsWith('"')) return { kind: 'name', text: unquoted(source), start, end }
    return { kind: 'name', text: unescaped(unquoted(source.slice(2))), start, end }
  }

  #dollarString(start: number, tag: string): Token {
    const close = this.#text.indexOf(tag, start + tag.length)
    const end = close === -1 ? this.#text.length : close + tag.length
    return { kind: 'string', text: this.#text.slice(start, end), start, end }
  }

  #wordOrMark(start: number): Token {
    const word = this.#match(WORD)
    if (word !== undefined) {
      return { kind: 'word', text: folded(word), start, end: start + word.length }
    }
    const param = this.#match(PARAM)
    if (param !== undefined) return this.#cut('param', start, param)
    const number = this.#match(NUMBER)
    if (number !== undefined) return this.#cut('number', start, number)
    if (start >= this.#text.length) return { kind: 'end', text: '', start, end: start }
    return this.#cut('mark', start, this.#text[start] as string)
  }

  #cut(kind: Token['kind'], start: number, text: string): Token {
    return { kind, text, start, end: start + text.length }
  }

  #skipSpace(): void {
    for (;;) {
      const space = this.#match(SKIPPED)
      if (space !== undefined) this.#at += space.length
      else if (this.#text.startsWith('/*', this.#at)) this.#skipComment()
      else return
    }
  }

  /** Block comments nest (Postgres manual 4.1.5). */
  #skipComment(): void {
    let depth = 0
    do {
      const pair = this.#text.slice(this.#at, this.#at + 2)
      if (pair === '/*') depth++
      if (pair === '*/') depth--
      this.#at += pair === '/*' || pair === '*/' ? 2 : 1
    } while (depth > 0 && this.#at < this.#text.length)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)?.[0]
  }
}

/** All tokens of a text, without the end. */
export function tokensOf(text: string): Token[] {
  const scanner = new SqlScanner(text)
  const tokens: Token[] = []
  while (scanner.token.kind !== 'end') tokens.push(scanner.take())
  return tokens
}

/** The server folds the letters of ASCII alone in a UTF-8 database. */
function folded(word: string): string {
  return word.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function unquoted(source: string): string {
  return source.slice(1, source.endsWith('"') ? -1 : undefined).replaceAll('""', '"')
}

/** U&"d\0061ta": four hex digits, or six behind a plus sign (Postgres manual 4.1.2.3). */
function unescaped(source: string): string {
  return source.replace(/\\(?:\\|([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6}))/g, (_, four, six) => {
    const code = Number.parseInt(four ?? six, 16)
    return Number.isNaN(code) ? '\\' : String.fromCodePoint(Math.min(code, 0x10ffff))
  })
}
