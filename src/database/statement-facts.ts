/**
 * What a statement is and which tables it writes, read from its text alone, without a parser of the
 * whole grammar: this runs in production. Texts repeat, so each is looked at once.
 *
 * A table is written where a statement begins (at the start, in a WITH list, behind EXPLAIN) and
 * nowhere else: `SELECT f(x) delete FROM t` reads. What a function or a trigger writes does not show.
 */
import { SqlScanner } from './guard/sql-scanner.ts'

export interface WrittenTable {
  /** As written; undefined where the search path decides. */
  readonly schema: string | undefined
  readonly table: string
}

export interface StatementFacts {
  readonly kind:
    | 'select'
    | 'insert'
    | 'update'
    | 'delete'
    | 'merge'
    | 'other'
    | 'transaction'
    | 'session'
  readonly writes: readonly WrittenTable[]
}

/** A program has some hundred texts; generated ones push each other out. */
const TEXTS_MAX = 4096
/** Longer texts are generated (VALUES for many rows) and seldom come again. */
const TEXT_LENGTH_MAX = 16_384

const known = new Map<string, StatementFacts>()

export function factsOf(text: string): StatementFacts {
  const found = known.get(text)
  if (found !== undefined) return found
  const facts = readFacts(text)
  if (text.length > TEXT_LENGTH_MAX) return facts
  if (known.size >= TEXTS_MAX) known.delete(known.keys().next().value as string)
  known.set(text, facts)
  return facts
}

export function readFacts(text: string): StatementFacts {
  const writes: WrittenTable[] = []
  const kind = new Reader(new SqlScanner(text), writes).statement()
  return { kind, writes }
}

type Kind = StatementFacts['kind']

/** They begin, end or divide a transaction. */
const TRANSACTION_WORDS = [
  'begin',
  'start',
  'commit',
  'end',
  'rollback',
  'abort',
  'savepoint',
  'release',
]
/** What they do stays on the connection for whoever has it next. */
const SESSION_WORDS = ['reset', 'discard', 'listen', 'unlisten', 'deallocate', 'load']
/** SET with one of these ends with the transaction. */
const LOCAL_WORDS = ['local', 'constraints', 'transaction']

class Reader {
  readonly #scanner: SqlScanner
  readonly #writes: WrittenTable[]

  constructor(scanner: SqlScanner, writes: WrittenTable[]) {
    this.#scanner = scanner
    this.#writes = writes
  }

  statement(): Kind {
    const scanner = this.#scanner
    if (scanner.is('with')) this.#withList()
    if (scanner.is('(')) return this.#parenthesised()
    if (scanner.skip('select', 'values', 'table')) return 'select'
    if (scanner.skip('insert')) return this.#into('insert')
    if (scanner.skip('merge')) return this.#into('merge')
    if (scanner.skip('update')) return this.#write('update')
    if (scanner.skip('delete')) return this.#delete()
    return this.#other()
  }

  #parenthesised(): Kind {
    this.#scanner.take()
    this.statement()
    this.#scanner.skipToClose()
    return 'select'
  }

  #into(kind: Kind): Kind {
    this.#scanner.skip('into')
    return this.#write(kind)
  }

  #delete(): Kind {
    this.#scanner.skip('from')
    return this.#write('delete')
  }

  #write(kind: Kind): Kind {
    const table = this.#table()
    if (table !== undefined) this.#writes.push(table)
    return kind
  }

  #other(): Kind {
    const scanner = this.#scanner
    if (scanner.is(...TRANSACTION_WORDS)) return 'transaction'
    if (scanner.is(...SESSION_WORDS)) return 'session'
    if (scanner.skip('set')) return scanner.is(...LOCAL_WORDS) ? 'other' : 'session'
    if (scanner.skip('truncate')) this.#truncate()
    else if (scanner.skip('copy')) this.#copy()
    else if (scanner.skip('explain')) this.#explain()
    else if (scanner.is('create')) this.#behindAs()
    else if (scanner.skip('prepare')) return this.#prepare()
    return 'other'
  }

  #prepare(): Kind {
    if (this.#scanner.is('transaction')) return 'transaction'
    this.#behindAs()
    return 'other'
  }

  #truncate(): void {
    this.#scanner.skip('table')
    do {
      this.#write('other')
      this.#scanner.skip('*')
    } while (this.#scanner.skip(','))
  }

  #copy(): void {
    const scanner = this.#scanner
    if (scanner.skip('(')) {
      this.statement()
      return
    }
    scanner.skip('binary')
    const table = this.#table()
    scanner.skipParens()
    if (table !== undefined && scanner.is('from')) this.#writes.push(table)
  }

  #explain(): void {
    const scanner = this.#scanner
    scanner.skipParens()
    while (scanner.skip('analyze', 'analyse', 'verbose'));
    this.statement()
  }

  /** CREATE TABLE ... AS WITH ..., PREPARE name (types) AS ... */
  #behindAs(): void {
    const scanner = this.#scanner
    while (scanner.token.kind !== 'end' && !scanner.is('as')) {
      if (scanner.is('(')) scanner.skipParens()
      else scanner.take()
    }
    if (scanner.skip('as')) this.statement()
  }

  #withList(): void {
    const scanner = this.#scanner
    scanner.take()
    const first = scanner.take()
    // `recursive` may be the name of a query too: then it is followed by what follows names.
    const isWord = first.kind === 'word' && first.text === 'recursive' && !scanner.is('as', '(')
    if (isWord) scanner.take()
    this.#withQuery()
    while (scanner.skip(',')) {
      scanner.take()
      this.#withQuery()
    }
  }

  /** Behind the name: `(columns) AS NOT MATERIALIZED (statement) SEARCH ... CYCLE ...`. */
  #withQuery(): void {
    const scanner = this.#scanner
    scanner.skipParens()
    scanner.skip('as')
    scanner.skip('not')
    scanner.skip('materialized')
    if (scanner.skip('(')) {
      this.statement()
      scanner.skipToClose()
    }
    if (scanner.is('search')) this.#skipThrough('set')
    if (scanner.is('cycle')) this.#skipThrough('using')
  }

  /** Takes all up to `word` and the name behind it. */
  #skipThrough(word: string): void {
    const scanner = this.#scanner
    while (scanner.token.kind !== 'end' && !scanner.is(word)) scanner.take()
    scanner.take()
    scanner.take()
  }

  /** `ONLY (schema.table)`, `database.schema.table`. */
  #table(): WrittenTable | undefined {
    const scanner = this.#scanner
    const enclosed = scanner.skip('only') && scanner.skip('(')
    const parts: string[] = []
    do {
      const part = scanner.take()
      if (part.kind !== 'word' && part.kind !== 'name') return undefined
      parts.push(truncated(part.text))
    } while (scanner.skip('.'))
    if (enclosed) scanner.skip(')')
    return { schema: parts.at(-2), table: parts.at(-1) as string }
  }
}

/** NAMEDATALEN - 1: the server cuts longer names off, at a whole character. */
const NAME_BYTES_MAX = 63

function truncated(name: string): string {
  if (name.length * 3 <= NAME_BYTES_MAX || Buffer.byteLength(name) <= NAME_BYTES_MAX) return name
  const bytes = Buffer.from(name).subarray(0, NAME_BYTES_MAX)
  return bytes.toString().replace(/\ufffd+$/, '')
}
