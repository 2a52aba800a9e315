/**
 * What an expression stands for, followed through constants, fields, parameters with a type, imports
 * and exports, across files. No types are computed: where the trail ends, so does the answer.
 */
import type { Binding } from '../syntax/bindings.ts'
import type { Module } from '../syntax/module.ts'
import {
  awaited,
  bare,
  type CallNode,
  type ClassNode,
  classAround,
  type FunctionNode,
  is,
  isClass,
  isFunction,
  memberName,
  type Node,
  type NodeOf,
  nameOf,
  parameterOf,
  textOf,
  typeNameOf,
  typeOf,
} from '../syntax/node.ts'
import type { Located, Project } from './project.ts'

export type Value =
  /** An export of a package, and members of it: `path` is ['default'] for a default import. */
  | { readonly kind: 'outside'; readonly source: string; readonly path: readonly string[] }
  | { readonly kind: 'function'; readonly module: Module; readonly node: FunctionNode }
  | { readonly kind: 'class'; readonly module: Module; readonly node: ClassNode }
  /** `typeArgument`: User of Repository<User>. */
  | {
      readonly kind: 'instance'
      readonly of: Value
      readonly typeArgument?: string | undefined
      readonly made?: Node
    }
  | { readonly kind: 'object'; readonly module: Module; readonly node: NodeOf<'ObjectExpression'> }
  | { readonly kind: 'module'; readonly module: Module }
  | {
      readonly kind: 'result'
      readonly of: Value | undefined
      readonly module: Module
      readonly node: CallNode
    }
  | {
      readonly kind: 'parameter'
      readonly module: Module
      readonly binding: Binding
      readonly around: FunctionNode
    }
  | { readonly kind: 'expression'; readonly module: Module; readonly node: Node }

const DEPTH_MAX = 24

export class Values {
  readonly #project: Project
  readonly #known = new Map<Node, Value | undefined>()
  /** Whose type is being followed. */
  readonly #typed = new Set<Node>()
  #depth = 0

  constructor(project: Project) {
    this.#project = project
  }

  of(module: Module, node: Node): Value | undefined {
    const at = awaited(node)
    if (this.#known.has(at)) return this.#known.get(at)
    if (this.#depth > DEPTH_MAX) return undefined
    // Whoever asks again on the way down stands in a circle.
    this.#known.set(at, undefined)
    this.#depth++
    const value = this.#find(module, at)
    this.#depth--
    this.#known.set(at, value)
    return value
  }

  #find(module: Module, node: Node): Value | undefined {
    if (isFunction(node)) return { kind: 'function', module, node }
    if (isClass(node)) return { kind: 'class', module, node }
    if (is(node, 'ObjectExpression')) return { kind: 'object', module, node }
    if (is(node, 'Program')) return { kind: 'module', module }
    if (is(node, 'Identifier')) return this.#identifier(module, node)
    if (is(node, 'MemberExpression')) return this.#memberExpression(module, node)
    if (is(node, 'CallExpression')) return this.#call(module, node)
    if (is(node, 'NewExpression')) {
      const of = this.of(module, node.callee)
      return of && { kind: 'instance', of, made: node }
    }
    if (node.type === 'ThisExpression') {
      const around = classAround(node)
      return around && { kind: 'instance', of: { kind: 'class', module, node: around } }
    }
    if (is(node, 'LogicalExpression') && node.operator !== '&&') {
      return this.of(module, node.right) ?? this.of(module, node.left)
    }
    if (is(node, 'AssignmentExpression')) return this.of(module, node.right)
    if (node.type === 'TSTypeAliasDeclaration') return this.#type(module, node)
    return { kind: 'expression', module, node }
  }

  #identifier(module: Module, node: NodeOf<'Identifier'>): Value | undefined {
    const binding = module.binding(node) ?? declaredAt(module, node)
    return binding && this.ofBinding(module, binding)
  }

  ofBinding(module: Module, binding: Binding): Value | undefined {
    const { declaration } = binding
    if (binding.kind === 'import') return this.#imported(module, declaration)
    if (binding.kind === 'function' || binding.kind === 'class') return this.of(module, declaration)
    if (binding.kind === 'parameter') return this.#parameter(module, binding)
    if (!is(declaration, 'VariableDeclarator')) return undefined
    const typed = this.#instanceOfType(module, declaration.id)
    if (!declaration.init) return typed ?? this.#assignedLater(module, binding)
    const value = this.of(module, declaration.init)
    const inner = binding.path.reduce<Value | undefined>(
      (at, name) => at && this.member(at, name),
      value,
    )
    return typed !== undefined && (inner === undefined || inner.kind === 'expression')
      ? typed
      : inner
  }

  /** `let client` that one statement gives its value. */
  #assignedLater(module: Module, binding: Binding): Value | undefined {
    const sites = module
      .references(binding)
      .filter(({ parent }) => is(parent, 'AssignmentExpression') && parent.right !== parent.left)
    const [first] = sites.filter(
      (site) => (site.parent as NodeOf<'AssignmentExpression'>).left === site,
    )
    return first && this.of(module, (first.parent as NodeOf<'AssignmentExpression'>).right)
  }

  #parameter(module: Module, binding: Binding): Value | undefined {
    const parameter = parameterOf(binding.declaration)
    if (binding.path.length === 0) {
      const typed = this.#instanceOfType(module, parameter)
      if (typed !== undefined) return typed
    }
    const around = functionOf(binding.declaration)
    return around && { kind: 'parameter', module, binding, around }
  }

  /** `const level: level` names itself: nothing follows from it. */
  #instanceOfType(module: Module, declared: Node): Value | undefined {
    const type = typeOf(declared)
    if (type === undefined || this.#typed.has(declared)) return undefined
    this.#typed.add(declared)
    try {
      return this.instanceOfTypeName(module, type.name, type.of)
    } finally {
      this.#typed.delete(declared)
    }
  }

  /** A value of a type that is written by its name. */
  instanceOfTypeName(
    module: Module,
    name: string,
    typeArgument: string | undefined,
  ): Value | undefined {
    const [first = '', ...rest] = name.split('.')
    const binding = module.scopes.find(module.program, first)
    const start =
      binding === undefined ? this.#localType(module, first) : this.ofBinding(module, binding)
    if (start?.kind === 'instance' && rest.length === 0) return start
    const of = rest.reduce<Value | undefined>((at, each) => at && this.member(at, each), start)
    return of?.kind === 'class' || of?.kind === 'outside'
      ? { kind: 'instance', of, typeArgument }
      : undefined
  }

  #localType(module: Module, name: string): Value | undefined {
    const alias = module.program.body.find((node) => {
      const inner = is(node, 'ExportNamedDeclaration') ? node.declaration : node
      return (
        inner?.type === 'TSTypeAliasDeclaration' &&
        nameOf((inner as NodeOf<'ClassDeclaration'>).id) === name
      )
    })
    if (alias === undefined) return undefined
    return this.#type(
      module,
      is(alias, 'ExportNamedDeclaration') ? (alias.declaration as Node) : alias,
    )
  }

  #type(module: Module, alias: Node): Value | undefined {
    const type = typeNameOf((alias as { typeAnnotation?: Node } & Node).typeAnnotation)
    return type && this.instanceOfTypeName(module, type.name, type.of)
  }

  #imported(module: Module, specifier: Node): Value | undefined {
    if (is(specifier, 'TSImportEqualsDeclaration')) {
      const { moduleReference } = specifier
      const source = is(moduleReference, 'TSExternalModuleReference')
        ? textOf(moduleReference.expression)
        : undefined
      return source === undefined ? undefined : this.#required(module, source)
    }
    const from = specifier.parent
    if (!is(from, 'ImportDeclaration')) return undefined
    const source = String(from.source.value)
    const target = this.#project.imported(module, source)
    if (is(specifier, 'ImportNamespaceSpecifier')) {
      return target ? { kind: 'module', module: target } : { kind: 'outside', source, path: [] }
    }
    const name = is(specifier, 'ImportSpecifier')
      ? (nameOf(specifier.imported) ?? 'default')
      : 'default'
    if (target === undefined) return { kind: 'outside', source, path: [name] }
    return this.#located(this.#project.exported(target, name))
  }

  #located(found: Located | undefined): Value | undefined {
    if (found === undefined) return undefined
    if (is(found.node, 'Identifier')) {
      const binding = declaredAt(found.module, found.node)
      return binding && this.ofBinding(found.module, binding)
    }
    return this.of(found.module, found.node)
  }

  #required(module: Module, source: string): Value | undefined {
    const target = this.#project.imported(module, source)
    if (target === undefined) return { kind: 'outside', source, path: ['default'] }
    return (
      this.#located(this.#project.exported(target, 'default')) ?? { kind: 'module', module: target }
    )
  }

  #call(module: Module, node: CallNode): Value | undefined {
    const { callee } = node
    if (is(callee, 'Identifier') && callee.name === 'require' && node.arguments.length === 1) {
      const source = textOf(node.arguments[0])
      if (source !== undefined) return this.#required(module, source)
    }
    return { kind: 'result', of: this.of(module, callee), module, node }
  }

  #memberExpression(module: Module, node: NodeOf<'MemberExpression'>): Value | undefined {
    const name = memberName(node)
    const object = this.of(module, node.object)
    if (name === undefined || object === undefined) return undefined
    const found = this.member(object, name)
    if (found !== undefined || bare(node.object).type !== 'ThisExpression') return found
    return undefined
  }

  member(value: Value, name: string): Value | undefined {
    if (value.kind === 'outside') return { ...value, path: [...value.path, name] }
    if (value.kind === 'module') return this.#located(this.#project.exported(value.module, name))
    if (value.kind === 'object') return this.#inObject(value.module, value.node, name)
    if (value.kind === 'class') return this.#inClass(value.module, value.node, name, true, 0)
    if (value.kind === 'instance') {
      const { of } = value
      if (of.kind === 'class') return this.#inClass(of.module, of.node, name, false, 0)
      if (of.kind === 'outside')
        return { kind: 'outside', source: of.source, path: [...of.path, '#', name] }
    }
    return undefined
  }

  #inObject(module: Module, object: NodeOf<'ObjectExpression'>, name: string): Value | undefined {
    for (const each of object.properties) {
      if (is(each, 'Property') && nameOf(each.key) === name) return this.of(module, each.value)
    }
    return undefined
  }

  #inClass(
    module: Module,
    node: ClassNode,
    name: string,
    statics: boolean,
    depth: number,
  ): Value | undefined {
    for (const each of node.body.body) {
      if (is(each, 'MethodDefinition') && nameOf(each.key) === name && each.static === statics) {
        return each.kind === 'get' ? undefined : this.of(module, each.value)
      }
      if (is(each, 'PropertyDefinition') && nameOf(each.key) === name) {
        const typed = this.#instanceOfType(module, each)
        if (!each.value) return typed ?? this.#assignedField(module, node, name)
        const value = this.of(module, each.value)
        return value === undefined || value.kind === 'expression' ? typed : value
      }
    }
    return (
      this.#constructorField(module, node, name) ??
      this.#assignedField(module, node, name) ??
      this.#inherited(module, node, name, statics, depth)
    )
  }

  #constructorField(module: Module, node: ClassNode, name: string): Value | undefined {
    for (const parameter of constructorOf(node)?.params ?? []) {
      if (!is(parameter, 'TSParameterProperty')) continue
      const inner = parameterOf(parameter)
      if (nameOf(inner) === name) return this.#instanceOfType(module, inner)
    }
    return undefined
  }

  /** `this.name = value` in the constructor. */
  #assignedField(module: Module, node: ClassNode, name: string): Value | undefined {
    const body = constructorOf(node)?.body
    if (!is(body, 'BlockStatement')) return undefined
    for (const statement of body.body) {
      if (
        !is(statement, 'ExpressionStatement') ||
        !is(statement.expression, 'AssignmentExpression')
      )
        continue
      const { left, right } = statement.expression
      if (
        is(left, 'MemberExpression') &&
        left.object.type === 'ThisExpression' &&
        memberName(left) === name
      ) {
        return this.of(module, right)
      }
    }
    return undefined
  }

  #inherited(
    module: Module,
    node: ClassNode,
    name: string,
    statics: boolean,
    depth: number,
  ): Value | undefined {
    if (!node.superClass || depth > 6) return undefined
    const parent = this.of(module, node.superClass)
    return parent?.kind === 'class'
      ? this.#inClass(parent.module, parent.node, name, statics, depth + 1)
      : undefined
  }

  /** The packages' classes that a class of the tree goes back to. */
  ancestors(value: Value | undefined, depth = 0): readonly (Value & { kind: 'outside' })[] {
    if (value === undefined || depth > 6) return []
    if (value.kind === 'outside') return [value]
    if (value.kind === 'result')
      return value.of === undefined ? [] : this.ancestors(value.of, depth + 1)
    if (value.kind !== 'class' || !value.node.superClass) return []
    return this.ancestors(this.of(value.module, value.node.superClass), depth + 1)
  }
}

function constructorOf(node: ClassNode): FunctionNode | undefined {
  const found = node.body.body.find(
    (each) => is(each, 'MethodDefinition') && each.kind === 'constructor',
  )
  const value = (found as NodeOf<'MethodDefinition'> | undefined)?.value
  return isFunction(value) ? value : undefined
}

/** The function whose parameter this is. */
export function functionOf(parameter: Node): FunctionNode | undefined {
  let at: Node | undefined = parameter.parent
  while (at !== undefined && !isFunction(at)) at = at.parent
  return at
}

/** The binding of an identifier that is itself the declaration. */
function declaredAt(module: Module, id: NodeOf<'Identifier'>): Binding | undefined {
  const found = module.scopes.find(id, id.name)
  return found?.id === id ? found : undefined
}
