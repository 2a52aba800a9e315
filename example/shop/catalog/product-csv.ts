/**
 * CSV, part by part: from a window of bytes to complete rows, and how far they reach. Whatever is
 * wrong with one row costs that row: the next one begins at the next line break.
 *
 * Terms. A *part* ends where its last complete row does; what follows is read again with the next
 * window. *Skipping*: the rest of a line that could not be read is passed over.
 */
import { type CsvError, Parser } from 'csv-parse'

/** More is a mistake in the quotes; it also bounds what the parser holds. */
export const ROW_LENGTH_MAX = 64 * 1024

export interface CsvPlace {
  /** The line that begins here, from 1. */
  readonly line: number
  readonly skipping: boolean
}

export interface CsvWindow extends CsvPlace {
  readonly bytes: Buffer
  /** Nothing follows. */
  readonly last: boolean
  readonly rowsMax: number
}

export interface CsvRow {
  readonly line: number
  readonly fields: readonly string[]
}

export interface CsvFault {
  readonly line: number
  readonly reason: string
}

export interface CsvPart extends CsvPlace {
  readonly rows: readonly CsvRow[]
  readonly faults: readonly CsvFault[]
  /** How many bytes of the window are done with. */
  readonly consumed: number
}

const LINE_FEED = 10
/** The parser looks so far ahead; with it behind them the last rows of a window come out too. */
const LOOK_AHEAD = Buffer.from('\n\n\n')

export async function readCsv(window: CsvWindow): Promise<CsvPart> {
  const reading = new Reading(window)
  while (reading.goesOn) await reading.step()
  return reading.part()
}

class Reading {
  readonly #window: CsvWindow
  readonly #rows: CsvRow[] = []
  readonly #faults: CsvFault[] = []
  #consumed = 0
  #line: number
  #skipping: boolean
  #starved = false

  constructor(window: CsvWindow) {
    this.#window = window
    this.#line = window.line
    this.#skipping = window.skipping
  }

  get goesOn(): boolean {
    return !this.#starved && this.#consumed < this.#window.bytes.length && this.#room > 0
  }

  get #room(): number {
    return this.#window.rowsMax - this.#rows.length - this.#faults.length
  }

  part(): CsvPart {
    return {
      rows: this.#rows,
      faults: this.#faults,
      consumed: this.#consumed,
      line: this.#line,
      skipping: this.#skipping,
    }
  }

  async step(): Promise<void> {
    if (this.#skipping) this.#skip()
    else await this.#parse()
  }

  #skip(): void {
    const { bytes } = this.#window
    const end = bytes.indexOf(LINE_FEED, this.#consumed)
    this.#skipping = end < 0
    this.#advance(end < 0 ? bytes.length : end + 1)
  }

  #advance(to: number): void {
    const { bytes } = this.#window
    for (let at = bytes.indexOf(LINE_FEED, this.#consumed); at >= 0 && at < to; ) {
      this.#line++
      at = bytes.indexOf(LINE_FEED, at + 1)
    }
    this.#consumed = to
  }

  async #parse(): Promise<void> {
    const { bytes, last } = this.#window
    const rest = bytes.subarray(this.#consumed)
    const base = this.#consumed
    const before = this.#line
    const found = await parsedRows(rest, this.#room)
    for (const { fields, end } of found.rows) {
      const { line } = this.part()
      this.#advance(base + end)
      if (!isEmpty(fields)) this.#rows.push({ line, fields })
    }
    if (found.error !== undefined) {
      const ownLine = this.#line - before + 1
      this.#pass(this.#reasonOf(found.error, ownLine))
    } else if (found.full) return
    else if (last) this.#endOfFile()
    else this.#starved = true
  }

  /** What is left when nothing follows: an open quote, or a row that was cut off. */
  #endOfFile(): void {
    const { bytes } = this.#window
    if (this.#consumed === bytes.length) return
    const cut = bytes.indexOf(LINE_FEED, this.#consumed) < 0
    this.#pass(cut ? CUT_OFF : OPEN_QUOTE)
  }

  #pass(reason: string): void {
    this.#faults.push({ line: this.#line, reason })
    this.#skipping = true
  }

  /** Quotes that reach over lines were meant to end before. */
  #reasonOf({ code, lines }: CsvError, ownLine: number): string {
    if (typeof lines === 'number' && lines > ownLine && code !== 'CSV_MAX_RECORD_SIZE')
      return OPEN_QUOTE
    if (code === 'INVALID_OPENING_QUOTE') return STRAY_QUOTE
    if (code === 'CSV_INVALID_CLOSING_QUOTE') return BEHIND_QUOTE
    const { bytes } = this.#window
    const end = bytes.indexOf(LINE_FEED, this.#consumed)
    return end >= 0 && end - this.#consumed <= ROW_LENGTH_MAX ? OPEN_QUOTE : TOO_LONG
  }
}

const STRAY_QUOTE =
  'has a quote inside a field that does not begin with one: write "" inside quotes'
const BEHIND_QUOTE = 'has text behind a closing quote: write "" for a quote inside quotes'
const OPEN_QUOTE = 'opens a quote that is not closed'
const TOO_LONG = `is longer than ${ROW_LENGTH_MAX} characters`
const CUT_OFF = 'is the last one and ends without a line break: the file may have been cut off'

function isEmpty(fields: readonly string[]): boolean {
  return fields.length === 1 && fields[0] === ''
}

interface ParsedRow {
  readonly fields: readonly string[]
  /** Behind its line break, from the beginning of what was parsed. */
  readonly end: number
}

interface Parsed {
  readonly rows: readonly ParsedRow[]
  readonly error: CsvError | undefined
  /** As many rows as were asked for. */
  readonly full: boolean
}

async function parsedRows(bytes: Buffer, rowsMax: number): Promise<Parsed> {
  const rows: ParsedRow[] = []
  const parser = new Parser({
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    max_record_size: ROW_LENGTH_MAX,
    to: rowsMax,
    on_record: (fields: string[], { bytes: end }) => {
      // What only the look-ahead has ended is not complete.
      if (end <= bytes.length) rows.push({ fields, end })
      return null
    },
  })
  parser.on('error', () => {})
  const error = await written(parser, bytes)
  if (error === undefined && rows.length < rowsMax) await written(parser, LOOK_AHEAD)
  parser.destroy()
  return { rows, error, full: rows.length >= rowsMax }
}

function written(parser: Parser, bytes: Buffer): Promise<CsvError | undefined> {
  return new Promise((resolve) => {
    parser.write(bytes, (error) => resolve((error as CsvError | null) ?? undefined))
  })
}
