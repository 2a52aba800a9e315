/** One file: its tree with parents, its nodes by kind, its bindings, imports and exports. */
import { type Binding, ScopeTable } from './bindings.ts'
import { is, type Node, type NodeOf, nameOf, type Shapes } from './node.ts'
import type { Comment, ParsedFile, Parser } from './parser.ts'

export interface ModuleFacts {
  /** From the folder that is reviewed, with slashes. */
  readonly path: string
  readonly text: string
}

/** Types are read where they are written, at a declaration; they are not walked. */
const NOT_WALKED = new Set([
  'typeAnnotation',
  'typeArguments',
  'typeParameters',
  'returnType',
  'superTypeArguments',
  'implements',
])
const TYPES_ONLY = new Set([
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'TSDeclareFunction',
])
/** Deeper nesting is generated code, and would overflow the stack of whoever walks it. */
const DEPTH_MAX = 400

export class Module {
  readonly path: string
  readonly text: string
  readonly program: NodeOf<'Program'>
  readonly comments: readonly Comment[]
  readonly scopes: ScopeTable
  readonly #byKind = new Map<string, Node[]>()
  #lineStarts: number[] | undefined
  #references: Map<string, NodeOf<'Identifier'>[]> | undefined

  constructor({ path, text }: ModuleFacts, parsed: ParsedFile, parser: Parser) {
    this.path = path
    this.text = text
    this.program = parsed.program
    this.comments = parsed.comments
    this.scopes = new ScopeTable()
    this.#index(parsed.program, undefined, parser.childKeys, 0)
  }

  #index(node: Node, parent: Node | undefined, keys: Parser['childKeys'], depth: number): void {
    if (parent !== undefined) node.parent = parent
    if (TYPES_ONLY.has(node.type) || depth > DEPTH_MAX) return
    const known = this.#byKind.get(node.type)
    if (known === undefined) this.#byKind.set(node.type, [node])
    else known.push(node)
    this.scopes.enter(node)
    for (const key of keys[node.type] ?? []) {
      if (NOT_WALKED.has(key)) continue
      const child = (node as unknown as Record<string, Node | (Node | null)[] | null | undefined>)[
        key
      ]
      if (child === null || child === undefined) continue
      if (!Array.isArray(child)) this.#index(child, node, keys, depth + 1)
      else for (const each of child) if (each) this.#index(each, node, keys, depth + 1)
    }
  }

  all<Kind extends keyof Shapes>(kind: Kind): readonly NodeOf<Kind>[] {
    return (this.#byKind.get(kind) ?? []) as NodeOf<Kind>[]
  }

  binding(identifier: NodeOf<'Identifier'>): Binding | undefined {
    return this.scopes.find(identifier, identifier.name)
  }

  /** Where a binding is read or written, its declaration left out. */
  references(binding: Binding): readonly NodeOf<'Identifier'>[] {
    if (this.#references === undefined) {
      this.#references = Map.groupBy(this.all('Identifier'), ({ name }) => name)
    }
    return (this.#references.get(binding.name) ?? []).filter(
      (each) => each !== binding.id && !isKey(each) && this.binding(each) === binding,
    )
  }

  /** From 1. */
  place(offset: number): { readonly line: number; readonly column: number } {
    const starts = this.#starts()
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 }
  }

  line(number: number): string {
    const starts = this.#starts()
    const start = starts[number - 1]
    if (start === undefined) return ''
    return this.text.slice(start, starts[number] ?? this.text.length).replace(/\r?\n$/, '')
  }

  source(node: Node): string {
    return this.text.slice(node.start, node.end)
  }

  #starts(): number[] {
    if (this.#lineStarts === undefined) {
      this.#lineStarts = [0]
      for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) {
        this.#lineStarts.push(at + 1)
      }
    }
    return this.#lineStarts
  }
}

/** `name` in `a.name` and `{ name: 1 }` names no variable. */
function isKey(node: NodeOf<'Identifier'>): boolean {
  const { parent } = node
  if (is(parent, 'MemberExpression')) return parent.property === node && !parent.computed
  if (is(parent, 'Property')) return parent.key === node && !parent.shorthand
  if (is(parent, 'MethodDefinition') || is(parent, 'PropertyDefinition')) return parent.key === node
  return false
}

/** What a module exports under a name: a node of its own, or a name of another module. */
export type Export =
  | { readonly node: Node }
  | { readonly from: string; readonly name: string }
  | { readonly local: string }

export interface Exports {
  readonly named: ReadonlyMap<string, Export>
  readonly stars: readonly string[]
}

export function exportsOf(module: Module): Exports {
  const named = new Map<string, Export>()
  for (const node of module.all('ExportNamedDeclaration')) addNamed(named, node)
  for (const { declaration } of module.all('ExportDefaultDeclaration')) {
    named.set(
      'default',
      is(declaration, 'Identifier') ? { local: declaration.name } : { node: declaration },
    )
  }
  for (const node of module.all('ExportAllDeclaration')) {
    const name = nameOf(node.exported)
    if (name !== undefined) named.set(name, { from: String(node.source.value), name: '*' })
  }
  for (const { expression } of module.all('TSExportAssignment'))
    named.set('default', { node: expression })
  for (const node of module.all('AssignmentExpression')) addCommonJs(named, node)
  const stars = module
    .all('ExportAllDeclaration')
    .filter(({ exported }) => !exported)
    .map(({ source }) => String(source.value))
  return { named, stars }
}

function addNamed(named: Map<string, Export>, node: NodeOf<'ExportNamedDeclaration'>): void {
  const { declaration, source } = node
  if (is(declaration, 'VariableDeclaration')) {
    for (const { id } of declaration.declarations) {
      for (const name of namesIn(id)) named.set(name, { local: name })
    }
  } else if (declaration) {
    const name = nameOf((declaration as NodeOf<'ClassDeclaration'>).id)
    if (name !== undefined) named.set(name, { node: declaration })
  }
  for (const each of node.specifiers) {
    if (!is(each, 'ExportSpecifier')) continue
    const [local, exported] = [nameOf(each.local), nameOf(each.exported)]
    if (local === undefined || exported === undefined) continue
    named.set(exported, source ? { from: String(source.value), name: local } : { local })
  }
}

function namesIn(pattern: Node): string[] {
  if (is(pattern, 'Identifier')) return [pattern.name]
  if (!is(pattern, 'ObjectPattern')) return []
  return pattern.properties.flatMap((each) => (is(each, 'Property') ? namesIn(each.value) : []))
}

/** `module.exports = x`, `module.exports.x = y` and `exports.x = y`. */
function addCommonJs(
  named: Map<string, Export>,
  { left, right }: NodeOf<'AssignmentExpression'>,
): void {
  if (!is(left, 'MemberExpression')) return
  const name = nameOf(left.property)
  if (name === undefined) return
  const { object } = left
  if (is(object, 'Identifier') && object.name === 'module' && name === 'exports') {
    named.set('default', { node: right })
  } else if (
    (is(object, 'Identifier') && object.name === 'exports') ||
    (is(object, 'MemberExpression') && nameOf(object.property) === 'exports')
  ) {
    named.set(name, { node: right })
  }
}
