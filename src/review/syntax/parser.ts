/**
 * Reads TypeScript and JavaScript with oxc-parser, an optional dependency that only the reviewer
 * loads. The text is parsed, never run.
 */
import { extname } from 'node:path'
import { HoldfastError } from '../../base/fault.ts'
import type { Node, NodeOf } from './node.ts'

export interface Comment {
  readonly type: 'Line' | 'Block'
  readonly value: string
  readonly start: number
  readonly end: number
}

export interface ParsedFile {
  readonly program: NodeOf<'Program'>
  readonly comments: readonly Comment[]
  /** The first thing that is wrong with the file, where it does not parse as a whole. */
  readonly fault: { readonly message: string; readonly offset: number } | undefined
}

export interface Parser {
  parse(path: string, text: string): ParsedFile
  /** The fields of each kind of node that hold its children. */
  readonly childKeys: Readonly<Record<string, readonly string[]>>
}

type Language = 'js' | 'jsx' | 'ts' | 'tsx'

const LANGUAGES: Readonly<Record<string, Language>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
}

export async function loadParser(): Promise<Parser> {
  const oxc = await import('oxc-parser').catch((cause: unknown) => {
    throw new HoldfastError('HF_REVIEW_PARSER', undefined, { cause })
  })
  return {
    childKeys: oxc.visitorKeys as Record<string, readonly string[]>,
    parse(path, text) {
      // Plain JavaScript often holds JSX, whatever its name says.
      const lang = LANGUAGES[extname(path)] ?? 'jsx'
      const result = oxc.parseSync(path, text, { lang, astType: 'ts', preserveParens: false })
      const [error] = result.errors
      const fault = error && { message: error.message, offset: error.labels[0]?.start ?? 0 }
      const program = result.program as unknown as Node as NodeOf<'Program'>
      return { program, comments: result.comments, fault }
    },
  }
}
