/** Which declaration a name stands for: block scopes, hoisted functions and `var`, parameters, imports. */
import { above, bare, is, isFunction, type Node, type NodeOf, nameOf, parameterOf } from './node.ts'

export interface Binding {
  readonly name: string
  /** The identifier that declares it. */
  readonly id: Node
  readonly kind: 'variable' | 'function' | 'class' | 'parameter' | 'import' | 'caught'
  /** Declarator, function, class, parameter as written, import specifier, catch clause. */
  readonly declaration: Node
  /** The property that a pattern takes out, outermost first: `{ a: { b } }` gives a, b. */
  readonly path: readonly string[]
  readonly mutable: boolean
}

type Scope = Map<string, Binding>

const SCOPES = new Set([
  'Program',
  'BlockStatement',
  'ForStatement',
  'ForOfStatement',
  'ForInStatement',
  'SwitchStatement',
  'CatchClause',
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassExpression',
  'StaticBlock',
  'TSModuleBlock',
])

export class ScopeTable {
  readonly #scopes = new Map<Node, Scope>()

  /** Called for each node on the way down, its parents first. */
  enter(node: Node): void {
    if (isFunction(node)) this.#function(node)
    else if (is(node, 'VariableDeclaration')) this.#variables(node)
    else if (node.type === 'ClassDeclaration') this.#class(node as NodeOf<'ClassDeclaration'>)
    else if (is(node, 'ImportDeclaration')) this.#imports(node)
    else if (is(node, 'CatchClause') && node.param)
      this.#pattern(node, node.param, node, 'caught', [], true)
    else if (is(node, 'TSImportEqualsDeclaration')) {
      this.#add(node.parent, {
        name: node.id.name,
        id: node.id,
        kind: 'import',
        declaration: node,
        path: [],
        mutable: false,
      })
    }
  }

  find(from: Node, name: string): Binding | undefined {
    for (let at: Node | undefined = from; at !== undefined; at = at.parent) {
      const found = this.#scopes.get(at)?.get(name)
      if (found !== undefined) return found
    }
    return undefined
  }

  #add(scope: Node | undefined, binding: Binding): void {
    if (scope === undefined) return
    const names = this.#scopes.get(scope)
    if (names === undefined) this.#scopes.set(scope, new Map([[binding.name, binding]]))
    else if (!names.has(binding.name)) names.set(binding.name, binding)
  }

  #function(
    node: Node & NodeOf<'FunctionExpression' | 'FunctionDeclaration' | 'ArrowFunctionExpression'>,
  ): void {
    if (node.id) {
      const scope = node.type === 'FunctionDeclaration' ? scopeAround(node) : node
      this.#add(scope, {
        name: node.id.name,
        id: node.id,
        kind: 'function',
        declaration: node,
        path: [],
        mutable: false,
      })
    }
    for (const parameter of node.params) {
      this.#pattern(node, parameterOf(parameter), parameter, 'parameter', [], true)
    }
  }

  #class(node: NodeOf<'ClassDeclaration'>): void {
    if (!node.id) return
    this.#add(scopeAround(node), {
      name: node.id.name,
      id: node.id,
      kind: 'class',
      declaration: node,
      path: [],
      mutable: false,
    })
  }

  #variables(node: NodeOf<'VariableDeclaration'>): void {
    const scope = node.kind === 'var' ? functionScope(node) : scopeAround(node)
    for (const declarator of node.declarations) {
      this.#pattern(scope, declarator.id, declarator, 'variable', [], node.kind !== 'const')
    }
  }

  #imports(node: NodeOf<'ImportDeclaration'>): void {
    for (const specifier of node.specifiers) {
      const { local } = specifier as NodeOf<'ImportSpecifier'>
      this.#add(node.parent, {
        name: local.name,
        id: local,
        kind: 'import',
        declaration: specifier,
        path: [],
        mutable: false,
      })
    }
  }

  #pattern(
    scope: Node | undefined,
    pattern: Node,
    declaration: Node,
    kind: Binding['kind'],
    path: readonly string[],
    mutable: boolean,
  ): void {
    const inner = (node: Node, next: readonly string[]) =>
      this.#pattern(scope, node, declaration, kind, next, mutable)
    if (is(pattern, 'Identifier')) {
      this.#add(scope, { name: pattern.name, id: pattern, kind, declaration, path, mutable })
    } else if (is(pattern, 'AssignmentPattern')) inner(pattern.left, path)
    else if (is(pattern, 'RestElement')) inner(pattern.argument, [...path, '...'])
    else if (is(pattern, 'ArrayPattern')) {
      for (const [index, each] of pattern.elements.entries())
        if (each) inner(each, [...path, String(index)])
    } else if (is(pattern, 'ObjectPattern')) {
      for (const each of pattern.properties) {
        if (is(each, 'RestElement')) inner(each.argument, [...path, '...'])
        else if (is(each, 'Property')) inner(each.value, [...path, nameOf(bare(each.key)) ?? '?'])
      }
    }
  }
}

function scopeAround(node: Node): Node | undefined {
  return above(node, ({ type }) => SCOPES.has(type))
}

function functionScope(node: Node): Node | undefined {
  return above(node, (each) => isFunction(each) || each.type === 'Program')
}
