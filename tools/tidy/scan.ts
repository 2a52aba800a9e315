/**
 * Splits TypeScript into code and the rest. The code keeps its length and lines, with the insides of
 * comments, strings, template text and regular expressions blanked out: so that patterns meet only
 * code, and offsets hold in both.
 */
export interface StringLiteral {
  readonly start: number
  readonly value: string
}

export interface Scan {
  readonly code: string
  /** Contents of strings and the text parts of templates, as written. */
  readonly strings: readonly StringLiteral[]
}

/** After these a slash begins a regular expression; after a name, a number or `)` it divides. */
const BEFORE_REGEX =
  /(?:^|[=([{},;:!&|?+\-*%~^<>]|\b(?:return|typeof|case|in|of|await|yield|void|delete|new|throw|else|do))\s*$/

const ENDS_OF_BLANK = { line: /\n|$/g, block: /\*\/|$/g } as const

class Scanner {
  readonly #text: string
  readonly #strings: StringLiteral[] = []
  #code = ''
  #at = 0
  /** One entry for each template that is open, with the braces open inside its expression. */
  readonly #templates: number[] = []

  constructor(text: string) {
    this.#text = text
  }

  scan(): Scan {
    if (this.#text.startsWith('#!')) this.#blankTo(this.#find(/\n|$/g))
    while (this.#at < this.#text.length) this.#step()
    return { code: this.#code, strings: this.#strings }
  }

  #step(): void {
    const char = this.#text[this.#at] as string
    const two = this.#text.slice(this.#at, this.#at + 2)
    if (two === '//') this.#blankTo(this.#find(ENDS_OF_BLANK.line))
    else if (two === '/*') this.#blankTo(this.#find(ENDS_OF_BLANK.block, 2) + 2)
    else if (char === "'" || char === '"') this.#string(char)
    else if (char === '`') this.#open()
    else if (char === '/' && BEFORE_REGEX.test(this.#code.slice(-60))) this.#regex()
    else if (char === '{' || char === '}') this.#brace(char)
    else this.#keep(1)
  }

  #keep(length: number): void {
    this.#code += this.#text.slice(this.#at, this.#at + length)
    this.#at += length
  }

  #blankTo(end: number): void {
    this.#code += this.#text.slice(this.#at, end).replace(/[^\n]/g, ' ')
    this.#at = end
  }

  #find(pattern: RegExp, skip = 0): number {
    pattern.lastIndex = this.#at + skip
    return pattern.exec(this.#text)?.index ?? this.#text.length
  }

  /** The end of a run of text that a backslash may escape from, at one of the stops. */
  #endOfText(stops: RegExp): number {
    let at = this.#at
    while (at < this.#text.length && !stops.test(this.#text.slice(at, at + 2)))
      at += this.#text[at] === '\\' ? 2 : 1
    return at
  }

  #text_(stops: RegExp): void {
    const start = this.#at
    const end = this.#endOfText(stops)
    this.#strings.push({ start, value: this.#text.slice(start, end) })
    this.#blankTo(end)
  }

  #string(quote: string): void {
    this.#keep(1)
    this.#text_(quote === "'" ? /^['\n]/ : /^["\n]/)
    this.#keep(1)
  }

  #open(): void {
    this.#keep(1)
    this.#templates.push(0)
    this.#templateText()
  }

  #templateText(): void {
    this.#text_(/^(?:`|\$\{)/)
    if (this.#text[this.#at] === '`') {
      this.#templates.pop()
      this.#keep(1)
    } else this.#keep(2)
  }

  #brace(char: '{' | '}'): void {
    const depth = this.#templates.length - 1
    const open = this.#templates[depth]
    this.#keep(1)
    if (open === undefined) return
    if (char === '{') this.#templates[depth] = open + 1
    else if (open > 0) this.#templates[depth] = open - 1
    else this.#templateText()
  }

  #regex(): void {
    let inClass = false
    let at = this.#at + 1
    for (; at < this.#text.length; at++) {
      const char = this.#text[at]
      if (char === '\\') at++
      else if (char === '[') inClass = true
      else if (char === ']') inClass = false
      else if (char === '\n' || (char === '/' && !inClass)) break
    }
    this.#keep(1)
    this.#blankTo(at)
    this.#keep(1)
  }
}

export function scan(text: string): Scan {
  return new Scanner(text).scan()
}

/** The line of an offset, from 1. */
export function lineOf(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}
