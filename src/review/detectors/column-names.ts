/** Columns of a statement that are called as the keys of what the caller sent. */
import type { Effect } from '../project/effects.ts'
import type { Origin } from '../project/request-values.ts'
import { functionOf } from '../project/value.ts'
import type { Binding } from '../syntax/bindings.ts'
import type { Module } from '../syntax/module.ts'
import {
  awaited,
  bare,
  type CallNode,
  calledName,
  dotted,
  functionAround,
  is,
  isFunction,
  type Node,
  outside,
} from '../syntax/node.ts'
import type { Look } from './detector.ts'

/** Something lets only some of the keys through. */
const CHOOSES =
  /\.(?:includes|has|filter|hasOwn|hasOwnProperty|indexOf)\(|\bin\s+(?:[A-Z_]{3,}|\w*(?:allow|column|field)\w*)|allow|whitelist|permitted|editable|\bpick\(|\bomit\(|(?:schema|validator|dto)\w*\.|\.(?:parse|safeParse|validate)\(/i
const HOPS_MAX = 6

/** Object.keys(req.body).map((key, index) => `${key} = $${index + 1}`) in the text of a statement. */
export function columnsOfCaller(look: Look, { sql, node }: Effect): Origin | undefined {
  if (sql === undefined || sql.isTagged) return undefined
  const around = functionAround(node)
  if (around === undefined || CHOOSES.test(look.module.source(around))) return undefined
  for (const hole of sql.holes) {
    const found = keyedBy(look.module, hole, 0).flatMap((each) => originOf(look, each) ?? [])[0]
    if (found !== undefined) return found
  }
  return undefined
}

function originOf(look: Look, object: Node): Origin | undefined {
  const origin = look.requests.of(look.module, object)
  return origin?.isChecked === true || origin?.isPart === true ? undefined : origin
}

/** The objects whose keys a text is put together from. */
function keyedBy(module: Module, node: Node, hops: number): readonly Node[] {
  const at = awaited(node)
  const next = (each: Node) => keyedBy(module, each, hops + 1)
  if (hops > HOPS_MAX) return []
  if (is(at, 'TemplateLiteral')) return at.expressions.flatMap(next)
  if (is(at, 'BinaryExpression')) return [at.left, at.right].flatMap(next)
  if (is(at, 'CallExpression')) return ofCall(module, at, next)
  return is(at, 'Identifier') ? ofName(module, at, next) : []
}

/** keys.map(make).join(', ') */
function ofCall(
  module: Module,
  call: CallNode,
  next: (node: Node) => readonly Node[],
): readonly Node[] {
  if (!is(call.callee, 'MemberExpression')) return []
  const listed = listedBy(module, call)
  if (listed !== undefined) return [listed]
  const name = calledName(call)
  if (name === 'join') return next(call.callee.object)
  const made = name === 'map' ? call.arguments[0] : undefined
  return made !== undefined && isFunction(bare(made))
    ? resultsOf(module, bare(made)).flatMap(next)
    : []
}

function resultsOf(module: Module, fn: Node): readonly Node[] {
  const { body } = fn as { body?: Node | null } & Node
  if (!body) return []
  if (!is(body, 'BlockStatement')) return [body]
  return module
    .all('ReturnStatement')
    .flatMap((each) => (functionAround(each) === fn && each.argument ? [each.argument] : []))
}

/** The object of Object.keys(object) */
function listedBy(module: Module, node: Node): Node | undefined {
  const at = awaited(node)
  if (is(at, 'Identifier')) {
    const declaration = module.binding(at)?.declaration
    const init = is(declaration, 'VariableDeclarator') ? declaration.init : undefined
    return init && is(bare(init), 'CallExpression') ? listedBy(module, init) : undefined
  }
  const isListing =
    is(at, 'CallExpression') &&
    /^(?:Object\.(?:keys|entries)|Reflect\.ownKeys)$/.test(dotted(at.callee) ?? '')
  return isListing ? at.arguments[0] : undefined
}

function ofName(
  module: Module,
  name: Node & { readonly name: string },
  next: (node: Node) => readonly Node[],
): readonly Node[] {
  const binding = module.scopes.find(name, name.name)
  if (binding === undefined) return []
  const keys = keysOf(module, binding)
  if (keys !== undefined) return [keys]
  const { declaration } = binding
  if (binding.kind !== 'variable' || !is(declaration, 'VariableDeclarator')) return []
  return [...(declaration.init ? [declaration.init] : []), ...pushedTo(module, binding)].flatMap(
    next,
  )
}

/** sets.push(`${key} = $1`) */
function pushedTo(module: Module, binding: Binding): readonly Node[] {
  return module.references(binding).flatMap((each) => {
    const member = outside(each)
    const call = is(member, 'MemberExpression') ? outside(member) : undefined
    return is(call, 'CallExpression') && calledName(call) === 'push' ? call.arguments : []
  })
}

/** A key by the loop or the callback that it comes from; the value of a pair is none. */
function keysOf(module: Module, { declaration, path }: Binding): Node | undefined {
  const loop = declaration.parent?.parent
  const fn = functionOf(declaration)
  const isFirst = path.length === 0 || path[0] === '0'
  if (!isFirst) return undefined
  if (is(loop, 'ForInStatement')) return loop.right
  if (is(loop, 'ForOfStatement')) return listedBy(module, loop.right)
  const call = fn && outside(fn)
  if (fn?.params[0] !== declaration || !is(call, 'CallExpression')) return undefined
  return is(call.callee, 'MemberExpression') ? listedBy(module, call.callee.object) : undefined
}
