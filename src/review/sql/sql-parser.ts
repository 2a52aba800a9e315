/**
 * Postgres's own grammar over texts that may be anything: bounded in size and number, and each text
 * parsed once. An optional dependency, loaded when the first SQL is met.
 */
import type { Node, RawStmt } from 'libpg-query'

export interface SqlStatement {
  readonly node: Node
  /** In characters, from the start of the text. */
  readonly start: number
  readonly end: number
}

export interface SqlParser {
  /** Undefined where the text is no SQL that Postgres knows, or larger than the bound. */
  parse(text: string): readonly SqlStatement[] | undefined
}

/** A dump of data is no migration. */
const TEXT_CHARS_MAX = 200_000
/** At some 150 µs each, three seconds. */
const PARSES_MAX = 20_000

export async function loadSqlParser(): Promise<SqlParser | undefined> {
  try {
    const { loadModule, parseSync } = await import('libpg-query')
    await loadModule()
    const known = new Map<string, readonly SqlStatement[] | undefined>()
    return {
      parse(text) {
        if (text.length > TEXT_CHARS_MAX || known.size > PARSES_MAX) return undefined
        if (!known.has(text)) known.set(text, parsed(text, parseSync))
        return known.get(text)
      },
    }
  } catch {
    return undefined
  }
}

function parsed(
  text: string,
  parse: (text: string) => { stmts?: unknown },
): readonly SqlStatement[] | undefined {
  try {
    const bytes = Buffer.from(text)
    const isPlain = bytes.length === text.length
    const at = (offset: number) => (isPlain ? offset : bytes.subarray(0, offset).toString().length)
    return ((parse(text).stmts ?? []) as RawStmt[]).map(({ stmt, stmt_location = 0, stmt_len }) => {
      const end = at(stmt_len === undefined ? bytes.length : stmt_location + stmt_len)
      const start = at(stmt_location)
      const skipped =
        /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/|;)*/.exec(text.slice(start, end))?.[0].length ?? 0
      return { node: stmt as Node, start: start + skipped, end }
    })
  } catch {
    return undefined
  }
}
