/**
 * Whether a value comes from the caller: followed backwards, from where it is used, through constants,
 * patterns, templates and the arguments of the functions in between.
 */
import { REQUEST_DECORATORS } from '../libraries/web.ts'
import type { Binding } from '../syntax/bindings.ts'
import type { Module } from '../syntax/module.ts'
import {
  awaited,
  calledName,
  dotted,
  type FunctionNode,
  is,
  isFunction,
  memberName,
  type Node,
  type NodeOf,
  parameterOf,
  propertyOf,
  typeOf,
} from '../syntax/node.ts'
import type { Functions, Step } from './functions.ts'
import { labelOf } from './functions.ts'
import { decoratorOf, type Handler, type Handlers } from './handlers.ts'
import { functionOf } from './value.ts'

export interface Origin {
  /** `body.email`, as the caller names it. */
  readonly name: string
  /** Went through a schema: its shape is known, its text is still the caller's. */
  readonly isChecked: boolean
  /** A field of what the caller sent, or something that was put together from fields. */
  readonly isPart?: boolean
  /** From the caller to here. */
  readonly path: readonly Step[]
}

const DEPTH_MAX = 14
const REQUEST_TYPES =
  /^(?:(?:express|e)\.)?(?:Request|FastifyRequest|NextApiRequest|NextRequest|AuthenticatedRequest|IncomingMessage|KoaContext|RouterContext|Koa\.Context|ParameterizedContext|HonoRequest)$/
const REQUEST_MEMBERS =
  /^(?:body|query|params|headers|cookies|files?|rawBody|request\.body|request\.query|req\.(?:query|queries|param|json|parseBody|text|header|formData)|json|text|formData|nextUrl\.searchParams)\b/
/** A number cannot carry a text of the caller's, and a check of one of a few words lets only those through. */
const CLEANS =
  /^(?:Number|parseInt|parseFloat|Boolean|BigInt|isNaN|hash|createHash|randomUUID|uuid|v4|now|count|indexOf|includes|has|some|every|test|startsWith|endsWith|escape|escapeLiteral|escapeIdentifier|quoteIdent|pgFormat|encodeURIComponent|getTime|toISOString|toFixed|digest|compare|sign|verify|length|ObjectId)$/
const CHECKS =
  /^(?:parse|safeParse|parseAsync|safeParseAsync|validate|validateSync|validateAsync|validateOrReject|plainToInstance|plainToClass|decode|check|assert|cast|valid|pick|omit)$/
const PASSES =
  /^(?:trim|toLowerCase|toUpperCase|replace|replaceAll|slice|substring|substr|split|join|concat|toString|String|map|filter|flat|flatMap|at|pop|shift|normalize|decodeURIComponent|decodeURI|query|queries|param|json|parseBody|text|header|formData|get|getAll|padStart|stringify|resolve|all|fromEntries|entries|assign|values|keys|URL)$/
/** Calls that give back what they are given. */
const TAKES =
  /^(?:String|concat|join|decodeURIComponent|decodeURI|stringify|resolve|all|fromEntries|entries|assign|values|URL|parse|Buffer|from|replace|replaceAll)$/

export class RequestValues {
  readonly #handlers: Handlers
  readonly #functions: Functions

  constructor(handlers: Handlers, functions: Functions) {
    this.#handlers = handlers
    this.#functions = functions
  }

  /** Undefined where the value is not, or not visibly, the caller's. */
  of(module: Module, node: Node, depth = 0, field: readonly string[] = []): Origin | undefined {
    if (depth > DEPTH_MAX) return undefined
    const at = awaited(node)
    const next = (inner: Node | null | undefined) =>
      inner ? this.of(module, inner, depth + 1, field) : undefined
    if (is(at, 'Identifier')) return this.#identifier(module, at, depth, field)
    if (is(at, 'MemberExpression')) return this.#member(module, at, depth, field)
    if (is(at, 'TemplateLiteral')) return partOf(first(at.expressions, next))
    if (is(at, 'BinaryExpression'))
      return at.operator === '+' ? partOf(next(at.left) ?? next(at.right)) : undefined
    if (is(at, 'LogicalExpression')) return next(at.left) ?? next(at.right)
    if (is(at, 'ConditionalExpression'))
      return (isOneOfList(module, at) ? undefined : next(at.consequent)) ?? next(at.alternate)
    if (is(at, 'ArrayExpression')) return first(at.elements, next)
    if (is(at, 'SpreadElement')) return next(at.argument)
    if (is(at, 'ObjectExpression') && field.length > 0) return this.#part(module, at, depth, field)
    if (is(at, 'ObjectExpression'))
      return first(at.properties, (each) =>
        is(each, 'Property') ? partOf(next(each.value)) : next(each),
      )
    if (is(at, 'CallExpression') || is(at, 'NewExpression')) {
      const found = this.#call(module, at, depth)
      return field.length > 0 ? partOf(found) : found
    }
    return undefined
  }

  #call(
    module: Module,
    call: NodeOf<'CallExpression' | 'NewExpression'>,
    depth: number,
  ): Origin | undefined {
    const name = calledName(call) ?? ''
    if (CLEANS.test(name)) return undefined
    const next = (inner: Node | null | undefined) =>
      inner ? this.of(module, inner, depth + 1) : undefined
    const object = is(call.callee, 'MemberExpression') ? call.callee.object : undefined
    if (CHECKS.test(name)) {
      if (object !== undefined && isOneOfAFew(module, object)) return undefined
      const found = first(call.arguments, next) ?? (name === 'valid' ? next(object) : undefined)
      return found && { ...found, isChecked: true }
    }
    if (!PASSES.test(name)) return undefined
    const ofRequest = is(call.callee, 'MemberExpression')
      ? this.#member(module, call.callee, depth)
      : undefined
    // What a map holds under the caller's key is not the caller's.
    const found = ofRequest ?? next(object)
    // Whatever was taken out of it, its text is no longer quite the caller's.
    if (/^replace/.test(name) && found !== undefined) return { ...found, isChecked: true }
    return found ?? (TAKES.test(name) ? first(call.arguments, next) : undefined)
  }

  #member(
    module: Module,
    node: NodeOf<'MemberExpression'>,
    depth: number,
    field: readonly string[] = [],
  ): Origin | undefined {
    const text = dotted(node)
    const root = rootOf(node)
    if (root !== undefined && text !== undefined) {
      const binding = module.binding(root)
      const rest = text.slice(text.indexOf('.') + 1)
      const source = binding?.kind === 'parameter' ? this.#source(module, binding) : undefined
      if (source?.wanted.test([...(binding?.path ?? []), rest].join('.')))
        return ofField(source.origin(rest), field)
    }
    if (memberName(node) === 'length') return undefined
    const name = memberName(node)
    const inner = name === undefined || /^\d+$/.test(name) ? field : [name, ...field]
    const fieldOfChecked = this.of(module, node.object, depth + 1, inner)
    return fieldOfChecked && memberName(node) === 'success' ? undefined : fieldOfChecked
  }

  /** One field of an object that is written out. */
  #part(
    module: Module,
    object: NodeOf<'ObjectExpression'>,
    depth: number,
    [name = '', ...rest]: readonly string[],
  ): Origin | undefined {
    const own = propertyOf(object, name)
    if (own !== undefined) return this.of(module, own, depth + 1, rest)
    const spread = object.properties.findLast((each) => is(each, 'SpreadElement'))
    return is(spread, 'SpreadElement')
      ? this.of(module, spread.argument, depth + 1, [name, ...rest])
      : undefined
  }

  #identifier(
    module: Module,
    node: NodeOf<'Identifier'>,
    depth: number,
    field: readonly string[],
  ): Origin | undefined {
    const binding = module.binding(node)
    if (binding === undefined) return undefined
    if (binding.kind === 'parameter') return this.#parameter(module, binding, depth, field)
    if (binding.kind !== 'variable') return undefined
    const { declaration } = binding
    if (is(declaration, 'VariableDeclarator') && declaration.init)
      return this.#declared(module, binding, declaration.init, depth, field)
    const loop = declaration.parent?.parent
    return is(loop, 'ForOfStatement') ? this.of(module, loop.right, depth + 1) : undefined
  }

  /** const { email } = req.body; const { body } = req */
  #declared(
    module: Module,
    binding: Binding,
    init: Node,
    depth: number,
    field: readonly string[],
  ): Origin | undefined {
    const at = awaited(init)
    const isRoot = is(at, 'Identifier') || dotted(at) !== undefined
    if (binding.path.length > 0 && isRoot) {
      const root = is(at, 'Identifier') ? at : rootOf(at)
      const of = root && module.binding(root)
      const source = of?.kind === 'parameter' ? this.#source(module, of) : undefined
      const rest = [
        ...(of?.path ?? []),
        ...(dotted(at)?.split('.').slice(1) ?? []),
        ...binding.path,
      ].join('.')
      if (source?.wanted.test(rest)) return ofField(source.origin(rest), field)
    }
    const taken = binding.path.filter((each) => each !== '...')
    const found = this.of(module, at, depth + 1, [...taken, ...field])
    return found && binding.path.length > 0
      ? { ...found, name: `${found.name}.${binding.path.join('.')}` }
      : found
  }

  #parameter(
    module: Module,
    binding: Binding,
    depth: number,
    field: readonly string[],
  ): Origin | undefined {
    const source = this.#source(module, binding)
    if (source !== undefined) {
      const path = binding.path.join('.')
      return source.isWhole || source.wanted.test(path)
        ? ofField(source.origin(path), field)
        : undefined
    }
    const fn = functionOf(binding.declaration)
    return fn === undefined ? undefined : this.#fromCallers(module, binding, fn, depth, field)
  }

  #fromCallers(
    module: Module,
    binding: Binding,
    fn: FunctionNode,
    depth: number,
    field: readonly string[],
  ): Origin | undefined {
    const index = fn.params.indexOf(binding.declaration)
    // The callback of an array's method takes its elements.
    const call = fn.parent
    if (is(call, 'CallExpression') && is(call.callee, 'MemberExpression') && index === 0) {
      return PASSES.test(memberName(call.callee) ?? '') || memberName(call.callee) === 'forEach'
        ? this.of(module, call.callee.object, depth + 1, field)
        : undefined
    }
    for (const caller of this.#functions.callers(fn).slice(0, 12)) {
      const argument = caller.node.arguments[index]
      const taken = binding.path.filter((each) => each !== '...')
      const found = argument && this.of(caller.module, argument, depth + 2, [...taken, ...field])
      if (found !== undefined) {
        const step = { module: caller.module, node: caller.node, label: labelOf({ node: fn }) }
        const isChecked = found.isChecked || isNarrowType(binding.declaration)
        return { ...found, isChecked, path: [...found.path, step] }
      }
    }
    return undefined
  }

  /** Whether a parameter is what a framework hands to a handler. */
  #source(module: Module, binding: Binding): Source | undefined {
    const fn = functionOf(binding.declaration)
    if (fn === undefined) return undefined
    const handler = this.#handlers.of(fn)
    const step = (origin: string): Origin => ({
      name: origin,
      isChecked: handler?.hasSchema === true || handler?.framework === 'tRPC',
      path:
        handler === undefined
          ? [{ module, node: fn, label: labelOf({ node: fn }) }]
          : [routeStep(handler)],
    })
    const decorators = (binding.declaration as { decorators?: readonly Node[] }).decorators ?? []
    const decorator = decorators.map(decoratorOf).find(({ name }) => REQUEST_DECORATORS.test(name))
    if (decorator !== undefined) {
      const isPiped = decorator.args.some((each) => /Pipe|type:/.test(module.source(each)))
      return nestSource(binding, decorator.name, step, isPiped)
    }
    const index = fn.params.indexOf(binding.declaration)
    if (index !== 0) return undefined
    if (handler?.framework === 'tRPC') return { wanted: /^input\b/, isWhole: false, origin: step }
    const type = typeOf(parameterOf(binding.declaration))?.name ?? ''
    const known = handler?.web !== undefined || REQUEST_TYPES.test(type) || looksLikeHandler(fn)
    return known
      ? { wanted: handler?.web?.request ?? REQUEST_MEMBERS, isWhole: false, origin: step }
      : undefined
  }
}

function partOf(origin: Origin | undefined): Origin | undefined {
  return origin && { ...origin, isPart: true }
}

/** What is still to be taken from the value says that only a part of it is meant. */
function ofField(origin: Origin, field: readonly string[]): Origin {
  return field.length > 0 ? { ...origin, isPart: true } : origin
}

interface Source {
  readonly wanted: RegExp
  /** The parameter itself is the caller's. */
  readonly isWhole: boolean
  origin(rest: string): Origin
}

/** A number, a few words: not any text. */
function isNarrowType(parameter: Node): boolean {
  const { typeAnnotation } = parameterOf(parameter) as { typeAnnotation?: Node | null }
  const type = is(typeAnnotation, 'TSTypeAnnotation') ? typeAnnotation.typeAnnotation : undefined
  return /^TS(?:Number|Boolean|BigInt)Keyword$|^TSLiteralType$|^TSUnionType$/.test(type?.type ?? '')
}

/** A class or a named type goes through Nest's validation pipe; a plain object does not. */
function nestSource(
  binding: Binding,
  decorator: string,
  step: (name: string) => Origin,
  isPiped: boolean,
): Source {
  if (/^Req/.test(decorator)) return { wanted: REQUEST_MEMBERS, isWhole: false, origin: step }
  const type = typeOf(parameterOf(binding.declaration))
  const isChecked =
    isPiped ||
    isNarrowType(binding.declaration) ||
    (type !== undefined && !/^(?:Record|Partial|Object|Array)$/.test(type.name))
  return {
    wanted: /^/,
    isWhole: true,
    origin: (rest) => ({ ...step(rest || binding.name), isChecked }),
  }
}

/** WAYS.includes(way.toUpperCase()) ? way.toUpperCase() : 'ASC' lets only those through. */
export function isOneOfList(
  module: Module,
  { test, consequent }: NodeOf<'ConditionalExpression'>,
): boolean {
  const asked = awaited(test)
  if (!is(asked, 'CallExpression') || !/^(?:includes|has|hasOwn)$/.test(calledName(asked) ?? ''))
    return false
  const list = is(asked.callee, 'MemberExpression') ? awaited(asked.callee.object) : undefined
  // A text that holds it is no list.
  if (list === undefined || is(list, 'Literal') || is(list, 'TemplateLiteral')) return false
  const given = module.source(awaited(consequent))
  return asked.arguments.some((each) => module.source(awaited(each)) === given)
}

export function routeStep(handler: Handler): Step {
  const label = `${handler.method} ${handler.path} (${handler.framework})`
  return { ...handler.route, label, isRoute: true }
}

function looksLikeHandler(fn: FunctionNode): boolean {
  const names = fn.params.map((each) => (parameterOf(each) as { name?: string }).name ?? '')
  return (
    /^_?(?:req|request)$/.test(names[0] ?? '') &&
    /^_?(?:res|response|reply|rep)$/.test(names[1] ?? '')
  )
}

/** z.enum(['ASC', 'DESC']).parse(text) lets only these through. */
function isOneOfAFew(module: Module, schema: Node): boolean {
  const at = awaited(schema)
  const declaration = is(at, 'Identifier') ? module.binding(at)?.declaration : undefined
  const text = module.source(declaration ?? at)
  return (
    /\b(?:enum|nativeEnum|literal|uuid|cuid2?|ulid|number|int|bigint|boolean|date|datetime)\(/.test(
      text,
    ) && !/\b(?:object|string)\(\s*\)?(?!\s*\.\s*(?:uuid|cuid|ulid|datetime))/.test(text)
  )
}

function rootOf(node: Node): NodeOf<'Identifier'> | undefined {
  let at = awaited(node)
  while (is(at, 'MemberExpression')) at = awaited(at.object)
  return is(at, 'Identifier') ? at : undefined
}

function first<T>(items: readonly T[], find: (item: T) => Origin | undefined): Origin | undefined {
  for (const item of items) {
    const found = item && !isFunction(item as unknown as Node) ? find(item) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
