/**
 * Postgres's own grammar, for development and tests. An optional dependency: production does
 * without it, and so does a machine where it cannot be loaded.
 */
import type { Node, RawStmt } from 'libpg-query'

export type { Node } from 'libpg-query'

/** The statement of a text; undefined where it does not parse (the server will say so). */
export type QueryParser = (text: string) => Node | undefined

/** All statements of a text, or undefined. */
export type ScriptParser = (text: string) => Node[] | undefined

/** Loads the grammar (some 60 ms). Rejects where it is not installed. */
export async function loadScriptParser(): Promise<ScriptParser> {
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  return (text) => {
    try {
      const statements = parseSync(text).stmts as RawStmt[]
      return statements.map(({ stmt }) => stmt as Node)
    } catch {
      return undefined
    }
  }
}

export async function loadQueryParser(): Promise<QueryParser> {
  const parse = await loadScriptParser()
  return (text) => parse(text)?.[0]
}
