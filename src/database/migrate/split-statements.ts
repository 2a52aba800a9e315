/**
 * Cuts the text of a migration into its statements, as psql does (psqlscan.l): a semicolon ends a
 * statement unless it stands in a string, a quoted name, a comment, a dollar quote, parentheses
 * (CREATE RULE ... DO (a; b)) or the BEGIN ATOMIC body of a function.
 */
export interface SplitStatement {
  /** From the first token to the last one; no semicolon, no leading comment. */
  readonly text: string
  /** Index of `text` in the file (UTF-16 units). */
  readonly offset: number
  /** Index just behind the statement's semicolon. */
  readonly end: number
  /** Its first unquoted words, upper case. */
  readonly words: readonly string[]
}

/** Enough to tell statements apart: CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS name ON table. */
const WORDS_MAX = 10

const SKIPPED = /\s+|--[^\n]*/y
const STRING = /'[^']*(?:'|$)/y
const ESCAPE_STRING = /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/y
const QUOTED_NAME = /"[^"]*(?:"|$)/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const NUMBER = /\d[\w.]*/y
const ATOMIC = /BEGIN\s+ATOMIC\b/iy
const ROUTINE = /^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b/

export function splitStatements(text: string): SplitStatement[] {
  const scanner = new Scanner(text)
  const statements: SplitStatement[] = []
  for (let next = scanner.next(); next !== undefined; next = scanner.next()) statements.push(next)
  return statements
}

class Scanner {
  readonly #text: string
  #at = 0
  #parens = 0
  /** Depth of BEGIN ATOMIC and CASE inside a routine body. */
  #blocks = 0
  #words: string[] = []

  constructor(text: string) {
    this.#text = text
  }

  next(): SplitStatement | undefined {
    this.#parens = 0
    this.#blocks = 0
    this.#words = []
    this.#skip()
    while (this.#text[this.#at] === ';') {
      this.#at++
      this.#skip()
    }
    return this.#at < this.#text.length ? this.#statement(this.#at) : undefined
  }

  #statement(offset: number): SplitStatement {
    let last = offset
    while (this.#at < this.#text.length && !this.#atEnd()) {
      this.#token()
      last = this.#at
      this.#skip()
    }
    if (this.#text[this.#at] === ';') this.#at++
    return {
      text: this.#text.slice(offset, last),
      offset,
      end: this.#at,
      words: this.#words.slice(0, WORDS_MAX),
    }
  }

  #atEnd(): boolean {
    return this.#text[this.#at] === ';' && this.#parens === 0 && this.#blocks === 0
  }

  #token(): void {
    if (this.#take(ESCAPE_STRING) || this.#take(STRING) || this.#take(QUOTED_NAME)) return
    if (this.#dollarQuote() || this.#take(NUMBER)) return
    const word = this.#match(WORD)
    if (word !== undefined) this.#word(word)
    else this.#character()
  }

  #character(): void {
    const character = this.#text[this.#at++]
    if (character === '(') this.#parens++
    if (character === ')' && this.#parens > 0) this.#parens--
  }

  #word(word: string): void {
    const upper = word.toUpperCase()
    if (this.#words.length < WORDS_MAX) this.#words.push(upper)
    if (this.#parens === 0) this.#block(upper)
    this.#at += word.length
  }

  #block(word: string): void {
    if (this.#blocks === 0) {
      if (word === 'BEGIN' && this.#match(ATOMIC) && ROUTINE.test(this.#words.join(' '))) {
        this.#blocks = 1
      }
    } else if (word === 'CASE') this.#blocks++
    else if (word === 'END') this.#blocks--
  }

  #dollarQuote(): boolean {
    const tag = this.#match(DOLLAR_TAG)
    if (tag === undefined) return false
    const close = this.#text.indexOf(tag, this.#at + tag.length)
    this.#at = close === -1 ? this.#text.length : close + tag.length
    return true
  }

  #skip(): void {
    while (this.#take(SKIPPED) || this.#blockComment());
  }

  /** Block comments nest in SQL (Postgres manual 4.1.5). */
  #blockComment(): boolean {
    if (!this.#text.startsWith('/*', this.#at)) return false
    let depth = 0
    do {
      if (this.#text.startsWith('/*', this.#at)) depth += this.#step(2)
      else if (this.#text.startsWith('*/', this.#at)) depth -= this.#step(2)
      else this.#at++
    } while (depth > 0 && this.#at < this.#text.length)
    return true
  }

  /** Moves on by `length` and counts one level. */
  #step(length: number): 1 {
    this.#at += length
    return 1
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)?.[0]
  }

  #take(pattern: RegExp): boolean {
    const found = this.#match(pattern)
    if (found === undefined) return false
    this.#at += found.length
    return true
  }
}
