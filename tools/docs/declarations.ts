/** What the doors of the package export, read from the declarations that the compiler writes. */
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { root } from './project-copy.ts'

export interface Declaration {
  readonly name: string
  /** Of the source, from the root of the repository: `src/operation/rule.ts`. */
  readonly file: string
  /** Without `export` and `declare`; all overloads. */
  readonly text: string
  /** The comment before it, without its stars; empty where there is none. */
  readonly doc: string
  readonly isType: boolean
  /** Other declarations that its text names. */
  readonly names: readonly string[]
}

interface Source {
  readonly declared: ReadonlyMap<string, Declaration>
  /** What it takes from elsewhere, by its name here: imported, or exported again. */
  readonly imported: ReadonlyMap<string, Target>
  readonly exported: ReadonlyMap<string, Target>
  readonly header: string
}

interface Target {
  readonly file: string
  readonly name: string
}

/** All sources of a build, by path. */
export type Declarations = ReadonlyMap<string, Source>

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** Some seconds of the compiler. */
export function emitDeclarations(): Declarations {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-declarations-'))
  try {
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const options = ['--emitDeclarationOnly', '--declarationMap', 'false', '--outDir', folder]
    const args = [compiler, '-p', join(root, 'tsconfig.build.json'), ...options]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(stdout)
    return new Map(
      globSync('**/*.d.ts', { cwd: folder }).map((path) => {
        const file = `src/${path.replace(/\.d\.ts$/, '.ts')}`
        return [file, readSource(file, readFileSync(join(folder, path), 'utf8'))]
      }),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export function readSource(file: string, text: string): Source {
  const { program, comments } = parseSync('source.d.ts', text, { lang: 'dts' })
  const declared = new Map<string, Declaration>()
  const imported = new Map<string, Target>()
  const exported = new Map<string, Target>()
  const docBefore = (at: number) => {
    const comment = comments.findLast(({ end }) => end <= at)
    const isNext = comment && /^\s*$/.test(text.slice(comment.end, at))
    return isNext && comment.value.startsWith('*') ? plain(comment.value) : ''
  }
  for (const statement of program.body as unknown as readonly Node[]) {
    const from = statement.source as { readonly value: string } | null | undefined
    if (from) {
      const into = statement.type === 'ImportDeclaration' ? imported : exported
      addTargets(into, statement, join(dirname(file), from.value))
      continue
    }
    const node = (statement.declaration ?? statement) as Node
    const name = nameOf(node)
    if (name === undefined) continue
    const before = declared.get(name)
    declared.set(name, {
      name,
      file,
      text: [before?.text, bare(text.slice(node.start, node.end))].filter(Boolean).join('\n'),
      doc: before?.doc || docBefore(statement.start),
      isType: /^TS(?:Interface|TypeAlias)/.test(node.type),
      names: [...new Set([...(before?.names ?? []), ...namesIn(node)])],
    })
  }
  const [first] = comments
  const header = first && first.start === 0 ? plain(first.value) : ''
  return { declared, imported, exported, header }
}

function addTargets(into: Map<string, Target>, { specifiers }: Node, file: string): void {
  for (const specifier of (specifiers ?? []) as readonly Node[]) {
    const here = (specifier.exported ?? specifier.local) as { readonly name: string }
    const there = (specifier.imported ?? specifier.local) as { readonly name: string }
    into.set(here.name, { file, name: there.name })
  }
}

function nameOf(node: Node): string | undefined {
  const [variable] = (node.declarations ?? []) as readonly Node[]
  return ((variable ?? node).id as { readonly name?: string } | undefined)?.name
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  TSTypeReference: 'typeName',
  TSTypeQuery: 'exprName',
  TSInterfaceHeritage: 'expression',
  TSClassImplements: 'expression',
}

function* namesIn(node: Node): Iterable<string> {
  const field = TYPE_NAMES[node.type]
  const named = field && (node[field] as Node | undefined)
  if (named && named.type === 'Identifier') yield named.name as string
  const base = node.superClass as Node | null | undefined
  if (base?.type === 'Identifier') yield base.name as string
  for (const part of Object.values(node).flat()) {
    if (typeof part === 'object' && part !== null && 'type' in part) yield* namesIn(part as Node)
  }
}

/** As it would stand in a source, without what is nobody's business. */
function bare(text: string): string {
  return text
    .replace(/^declare /, '')
    .replaceAll(/^ {4}(?:#private|private .*|declare private .*);\n/gm, '')
    .replaceAll(/^(?: {4})+/gm, (indent) => '  '.repeat(indent.length / 4))
}

function plain(comment: string): string {
  return comment
    .replace(/^\*/, '')
    .replaceAll(/^ *\* ?/gm, '')
    .trim()
}

/** A name as a file knows it: its own, or wherever it comes from. Undefined for what is not ours. */
export function resolve(
  sources: Declarations,
  file: string,
  name: string,
): Declaration | undefined {
  const source = sources.get(file)
  const target = source?.exported.get(name) ?? source?.imported.get(name)
  return target ? resolve(sources, target.file, target.name) : source?.declared.get(name)
}

/** Everything that a file exports; `typeof` another one is shown as that one. */
export function exportsOf(sources: Declarations, file: string): readonly Declaration[] {
  const source = sources.get(file) as Source
  const again = [...source.exported.keys()].map((name) => resolve(sources, file, name))
  const own = [...source.declared.values()].map((each) => sameAs(sources, each))
  return [...again, ...own].filter((each) => each !== undefined)
}

function sameAs(sources: Declarations, declaration: Declaration): Declaration {
  const { name, doc, file } = declaration
  const other = /: typeof (\w+);?$/.exec(declaration.text)?.[1]
  const found = other === undefined ? undefined : resolve(sources, file, other)
  return found ? { ...found, name, doc } : declaration
}
