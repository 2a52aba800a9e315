import { posix } from 'node:path'
import { type StringLiteral, scan } from './scan.ts'

export interface Import {
  /** A path from the root of the repository for a relative one, otherwise the specifier. */
  readonly target: string
  readonly relative: boolean
  /** Erased when it runs: `import type`, `export type`. */
  readonly typeOnly: boolean
  readonly offset: number
}

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
  readonly code: string
  readonly strings: readonly StringLiteral[]
  readonly imports: readonly Import[]
  readonly isTest: boolean
}

/** Everything up to the string that names the module; the string itself is blank in the code. */
const IMPORT =
  /(?:^|[\n;])[ \t]*(import|export)\b(\s+type\b(?!\s*(?:,|from\b)))?(?:[\w$\s*{},]*?\bfrom)?\s*(?=['"])|\bimport\s*\(\s*(?=['"])/g

function importsIn(path: string, code: string, strings: readonly StringLiteral[]): Import[] {
  const byStart = new Map(strings.map((literal) => [literal.start, literal.value]))
  const found: Import[] = []
  for (const match of code.matchAll(IMPORT)) {
    const specifier = byStart.get(match.index + match[0].length + 1)
    if (specifier === undefined) continue
    const relative = specifier.startsWith('.')
    const target = relative ? posix.join(posix.dirname(path), specifier) : specifier
    const offset = match.index + match[0].length
    found.push({ target, relative, typeOnly: match[2] !== undefined, offset })
  }
  return found
}

export function sourceFile(path: string, text: string): SourceFile {
  const { code, strings } = scan(text)
  const imports = importsIn(path, code, strings)
  return { path, text, code, strings, imports, isTest: /\.test\.ts$/.test(path) }
}
