/**
 * The syntax tree as the reviewer sees it: ESTree with the TypeScript nodes, of which only the fields
 * that are read are declared. A node knows its parent.
 */

export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  parent?: Node
}

type Maybe = Node | null | undefined

/** The fields of each kind of node that somebody reads. */
export interface Shapes {
  Program: { readonly body: readonly Node[] }
  Identifier: { readonly name: string; readonly typeAnnotation?: Maybe }
  PrivateIdentifier: { readonly name: string }
  Literal: {
    readonly value: unknown
    readonly raw: string | null
    readonly regex?: { readonly pattern: string; readonly flags: string }
  }
  TemplateLiteral: {
    readonly quasis: readonly NodeOf<'TemplateElement'>[]
    readonly expressions: readonly Node[]
  }
  TemplateElement: { readonly value: { readonly raw: string; readonly cooked: string | null } }
  TaggedTemplateExpression: { readonly tag: Node; readonly quasi: NodeOf<'TemplateLiteral'> }
  MemberExpression: { readonly object: Node; readonly property: Node; readonly computed: boolean }
  CallExpression: {
    readonly callee: Node
    readonly arguments: readonly Node[]
    readonly typeArguments?: Maybe
  }
  NewExpression: { readonly callee: Node; readonly arguments: readonly Node[] }
  ChainExpression: { readonly expression: Node }
  AwaitExpression: { readonly argument: Node }
  YieldExpression: { readonly argument: Maybe }
  UnaryExpression: { readonly operator: string; readonly argument: Node }
  UpdateExpression: { readonly operator: string; readonly argument: Node }
  BinaryExpression: { readonly operator: string; readonly left: Node; readonly right: Node }
  LogicalExpression: { readonly operator: string; readonly left: Node; readonly right: Node }
  AssignmentExpression: { readonly operator: string; readonly left: Node; readonly right: Node }
  ConditionalExpression: {
    readonly test: Node
    readonly consequent: Node
    readonly alternate: Node
  }
  SequenceExpression: { readonly expressions: readonly Node[] }
  ObjectExpression: { readonly properties: readonly Node[] }
  ArrayExpression: { readonly elements: readonly Maybe[] }
  Property: {
    readonly key: Node
    readonly value: Node
    readonly computed: boolean
    readonly shorthand: boolean
  }
  SpreadElement: { readonly argument: Node }
  ImportExpression: { readonly source: Node }
  ObjectPattern: { readonly properties: readonly Node[]; readonly typeAnnotation?: Maybe }
  ArrayPattern: { readonly elements: readonly Maybe[] }
  RestElement: { readonly argument: Node }
  AssignmentPattern: { readonly left: Node; readonly right: Node }
  TSParameterProperty: { readonly parameter: Node; readonly decorators?: readonly Node[] }
  FunctionDeclaration: FunctionShape
  FunctionExpression: FunctionShape
  ArrowFunctionExpression: FunctionShape
  VariableDeclaration: {
    readonly kind: string
    readonly declarations: readonly NodeOf<'VariableDeclarator'>[]
  }
  VariableDeclarator: { readonly id: Node; readonly init: Maybe }
  ClassDeclaration: ClassShape
  ClassExpression: ClassShape
  ClassBody: { readonly body: readonly Node[] }
  MethodDefinition: MemberShape & { readonly value: Node; readonly kind: string }
  PropertyDefinition: MemberShape & { readonly value: Maybe; readonly typeAnnotation?: Maybe }
  AccessorProperty: MemberShape & { readonly value: Maybe }
  Decorator: { readonly expression: Node }
  BlockStatement: { readonly body: readonly Node[] }
  ExpressionStatement: { readonly expression: Node }
  ReturnStatement: { readonly argument: Maybe }
  ThrowStatement: { readonly argument: Node }
  IfStatement: { readonly test: Node; readonly consequent: Node; readonly alternate: Maybe }
  ForStatement: {
    readonly init: Maybe
    readonly test: Maybe
    readonly update: Maybe
    readonly body: Node
  }
  ForOfStatement: {
    readonly left: Node
    readonly right: Node
    readonly body: Node
    readonly await: boolean
  }
  ForInStatement: { readonly left: Node; readonly right: Node; readonly body: Node }
  WhileStatement: { readonly test: Node; readonly body: Node }
  DoWhileStatement: { readonly test: Node; readonly body: Node }
  TryStatement: {
    readonly block: Node
    readonly handler: NodeOf<'CatchClause'> | null
    readonly finalizer: Maybe
  }
  CatchClause: { readonly param: Maybe; readonly body: NodeOf<'BlockStatement'> }
  SwitchCase: { readonly test: Maybe; readonly consequent: readonly Node[] }
  ImportDeclaration: {
    readonly source: NodeOf<'Literal'>
    readonly specifiers: readonly Node[]
    readonly importKind?: string
  }
  ImportSpecifier: { readonly imported: Node; readonly local: NodeOf<'Identifier'> }
  ImportDefaultSpecifier: { readonly local: NodeOf<'Identifier'> }
  ImportNamespaceSpecifier: { readonly local: NodeOf<'Identifier'> }
  ExportNamedDeclaration: {
    readonly declaration: Maybe
    readonly specifiers: readonly Node[]
    readonly source: NodeOf<'Literal'> | null
  }
  ExportSpecifier: { readonly local: Node; readonly exported: Node }
  ExportDefaultDeclaration: { readonly declaration: Node }
  ExportAllDeclaration: { readonly source: NodeOf<'Literal'>; readonly exported: Maybe }
  TSImportEqualsDeclaration: { readonly id: NodeOf<'Identifier'>; readonly moduleReference: Node }
  TSExternalModuleReference: { readonly expression: Node }
  TSExportAssignment: { readonly expression: Node }
  TSAsExpression: { readonly expression: Node; readonly typeAnnotation: Node }
  TSSatisfiesExpression: { readonly expression: Node }
  TSNonNullExpression: { readonly expression: Node }
  TSTypeAssertion: { readonly expression: Node }
  TSInstantiationExpression: { readonly expression: Node }
  ParenthesizedExpression: { readonly expression: Node }
  TSTypeAnnotation: { readonly typeAnnotation: Node }
  TSTypeReference: { readonly typeName: Node; readonly typeArguments?: Maybe }
  TSTypeParameterInstantiation: { readonly params: readonly Node[] }
  TSQualifiedName: { readonly left: Node; readonly right: Node }
  TSUnionType: { readonly types: readonly Node[] }
  TSIntersectionType: { readonly types: readonly Node[] }
}

interface FunctionShape {
  readonly id: NodeOf<'Identifier'> | null
  readonly params: readonly Node[]
  readonly body: Maybe
  readonly async: boolean
  readonly returnType?: Maybe
}

interface ClassShape {
  readonly id: NodeOf<'Identifier'> | null
  readonly superClass: Maybe
  readonly body: NodeOf<'ClassBody'>
  readonly decorators?: readonly Node[]
}

interface MemberShape {
  readonly key: Node
  readonly computed: boolean
  readonly static: boolean
  readonly decorators?: readonly Node[]
}

export type NodeOf<Kind extends keyof Shapes> = Node & Shapes[Kind] & { readonly type: Kind }
export type FunctionNode = NodeOf<
  'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression'
>
export type ClassNode = NodeOf<'ClassDeclaration' | 'ClassExpression'>
export type CallNode = NodeOf<'CallExpression'>

export function is<Kind extends keyof Shapes>(node: Maybe, kind: Kind): node is NodeOf<Kind> {
  return node?.type === kind
}

export function isFunction(node: Maybe): node is FunctionNode {
  const type = node?.type
  return (
    type === 'ArrowFunctionExpression' ||
    type === 'FunctionExpression' ||
    type === 'FunctionDeclaration'
  )
}

export function isClass(node: Maybe): node is ClassNode {
  return node?.type === 'ClassDeclaration' || node?.type === 'ClassExpression'
}

const WRAPPERS = new Set([
  'ParenthesizedExpression',
  'ChainExpression',
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
])

/** What stands inside of parentheses, assertions and optional chains. */
export function bare(node: Node): Node {
  let at = node
  while (WRAPPERS.has(at.type)) at = (at as NodeOf<'ParenthesizedExpression'>).expression
  return at
}

/** As {@link bare}, and past `await`. */
export function awaited(node: Node): Node {
  const at = bare(node)
  return is(at, 'AwaitExpression') ? awaited(at.argument) : at
}

/** The nearest parent that is no wrapper of this expression. */
export function outside(node: Node): Node | undefined {
  let at = node.parent
  while (at !== undefined && WRAPPERS.has(at.type)) at = at.parent
  return at
}

/** The name of a member, a property key or an identifier, where it is written out. */
export function nameOf(node: Maybe): string | undefined {
  if (node === null || node === undefined) return undefined
  if (is(node, 'Identifier') || is(node, 'PrivateIdentifier')) return node.name
  if (is(node, 'Literal') && typeof node.value === 'string') return node.value
  return undefined
}

export function memberName(node: NodeOf<'MemberExpression'>): string | undefined {
  const property = bare(node.property)
  return node.computed && !is(property, 'Literal') ? undefined : nameOf(property)
}

/** `a.b.c` as text, `this` included; undefined where something else stands between. */
export function dotted(node: Maybe): string | undefined {
  if (node === null || node === undefined) return undefined
  const at = bare(node)
  if (is(at, 'Identifier')) return at.name
  if (at.type === 'ThisExpression') return 'this'
  if (at.type === 'Super') return 'super'
  if (!is(at, 'MemberExpression')) return undefined
  const left = dotted(at.object)
  const name = memberName(at)
  return left === undefined || name === undefined ? undefined : `${left}.${name}`
}

/** The last name of what is called: `send` of `mail.client.send()`. */
export function calledName(node: Node): string | undefined {
  if (!is(node, 'CallExpression') && !is(node, 'NewExpression')) return undefined
  const callee = bare(node.callee)
  return is(callee, 'MemberExpression') ? memberName(callee) : nameOf(callee)
}

/** A string that is written out: a literal, or a template without expressions. */
export function textOf(node: Maybe): string | undefined {
  if (node === null || node === undefined) return undefined
  const at = bare(node)
  if (is(at, 'Literal')) return typeof at.value === 'string' ? at.value : undefined
  if (is(at, 'TemplateLiteral') && at.expressions.length === 0) {
    return at.quasis[0]?.value.cooked ?? undefined
  }
  return undefined
}

export function propertyOf(node: Maybe, name: string): Node | undefined {
  if (node === null || node === undefined) return undefined
  const object = bare(node)
  if (!is(object, 'ObjectExpression')) return undefined
  for (const property of object.properties) {
    if (is(property, 'Property') && !property.computed && nameOf(property.key) === name) {
      return property.value
    }
  }
  return undefined
}

/** Whether an object says more than is written here: `{ ...defaults }`. */
export function hasSpread(node: Maybe): boolean {
  if (node === null || node === undefined) return false
  const object = bare(node)
  return (
    is(object, 'ObjectExpression') && object.properties.some((each) => is(each, 'SpreadElement'))
  )
}

/** The nearest node above that `test` accepts, up to but without `end`. */
export function above(node: Node, test: (node: Node) => boolean, end?: Node): Node | undefined {
  for (let at = node.parent; at !== undefined && at !== end; at = at.parent) if (test(at)) return at
  return undefined
}

export function isInside(node: Node, outer: Maybe): boolean {
  return outer !== null && outer !== undefined && node.start >= outer.start && node.end <= outer.end
}

export function functionAround(node: Node): FunctionNode | undefined {
  return above(node, isFunction) as FunctionNode | undefined
}

export function classAround(node: Node): ClassNode | undefined {
  return above(node, isClass) as ClassNode | undefined
}

/** A parameter without its default, its rest dots and its accessibility. */
export function parameterOf(node: Node): Node {
  if (is(node, 'TSParameterProperty')) return parameterOf(node.parameter)
  if (is(node, 'AssignmentPattern')) return parameterOf(node.left)
  if (is(node, 'RestElement')) return parameterOf(node.argument)
  return node
}

/** The name of the type that is written at a declaration, and of its first argument. */
export function typeOf(
  node: Maybe,
): { readonly name: string; readonly of: string | undefined } | undefined {
  const annotation = (node as { typeAnnotation?: Maybe } | null | undefined)?.typeAnnotation
  return typeNameOf(annotation)
}

export function typeNameOf(
  annotation: Maybe,
): { readonly name: string; readonly of: string | undefined } | undefined {
  if (is(annotation, 'TSTypeAnnotation')) return typeNameOf(annotation.typeAnnotation)
  if (is(annotation, 'TSUnionType') || is(annotation, 'TSIntersectionType')) {
    return annotation.types.map(typeNameOf).find((each) => each !== undefined)
  }
  if (!is(annotation, 'TSTypeReference')) return undefined
  const name = qualified(annotation.typeName)
  if (name === undefined) return undefined
  const args = annotation.typeArguments
  const [first] = is(args, 'TSTypeParameterInstantiation') ? args.params : []
  return { name, of: typeNameOf(first)?.name }
}

function qualified(node: Node): string | undefined {
  if (is(node, 'Identifier')) return node.name
  if (!is(node, 'TSQualifiedName')) return undefined
  const left = qualified(node.left)
  const right = nameOf(node.right)
  return left === undefined || right === undefined ? undefined : `${left}.${right}`
}
