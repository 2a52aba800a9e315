/** Whether a digest is what is kept, or compared, as somebody's password. */
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  functionAround,
  is,
  isFunction,
  isInside,
  memberName,
  type Node,
  nameOf,
  outside,
} from '../syntax/node.ts'
import type { Look } from './detector.ts'

interface Place {
  readonly module: Module
  readonly node: Node
}

const PASSWORD = /passw|pwd|^pass(?:_?hash)?$/i
const HOPS_MAX = 3

/** `createHash(…)` by its call: what `.digest()` gives is written into a column, or looked for in one. */
export function isKeptAsPassword(look: Look, call: CallNode): boolean {
  return placesOf(look, { module: look.module, node: call }, 0).some((place) =>
    isOfPassword(look, place),
  )
}

/** Through constants, and out of the function that returns it. */
function placesOf(look: Look, { module, node }: Place, hops: number): readonly Place[] {
  const digest = digestOf(node)
  const parent = outside(digest)
  const further = (nodes: readonly Place[]) =>
    hops < HOPS_MAX ? nodes.flatMap((each) => placesOf(look, each, hops + 1)) : []
  if (is(parent, 'VariableDeclarator')) return further(namesOf(module, parent.id))
  if (is(parent, 'ReturnStatement') || isFunction(parent)) {
    const fn = isFunction(parent) ? parent : functionAround(digest)
    return fn === undefined ? [] : further(look.functions.callers(fn))
  }
  return [{ module, node: digest }]
}

function namesOf(module: Module, id: Node): readonly Place[] {
  const binding = is(id, 'Identifier') ? module.scopes.find(id, id.name) : undefined
  return binding === undefined
    ? []
    : module
        .references(binding)
        .filter((node) => node !== id)
        .map((node) => ({ module, node }))
}

/** The end of the chain: createHash('md5').update(password).digest('hex'), awaited or not. */
function digestOf(call: Node): Node {
  let at = call
  for (;;) {
    const parent = outside(at)
    const next = is(parent, 'MemberExpression') ? outside(parent) : parent
    const isOfChain =
      is(next, 'CallExpression') &&
      is(parent, 'MemberExpression') &&
      /^(?:update|digest|toString|toUpperCase|toLowerCase)$/.test(calledName(next) ?? '')
    if (!isOfChain && !is(next, 'AwaitExpression')) return at
    at = next as Node
  }
}

function isOfPassword(look: Look, { module, node }: Place): boolean {
  const parent = outside(node)
  if (is(parent, 'BinaryExpression'))
    return (
      /^[!=]==?$/.test(parent.operator) &&
      [parent.left, parent.right].some((side) => side !== node && namesPassword(side))
    )
  if (is(parent, 'AssignmentExpression'))
    return namesPassword(parent.left) && isSavedIn(look, module, node)
  const statement = look.effects
    .in(module)
    .find((each) => each.library.kind === 'database' && isInside(node, each.node))
  if (statement === undefined) return false
  if (is(parent, 'Property')) return PASSWORD.test(nameOf(parent.key) ?? '')
  return PASSWORD.test(statement.sql?.text.match(/pass\w*|pwd/i)?.[0] ?? '')
}

function namesPassword(node: Node): boolean {
  const at = bare(node)
  return PASSWORD.test((is(at, 'MemberExpression') ? memberName(at) : nameOf(at)) ?? '')
}

/** user.password = digest, and then user.save() */
function isSavedIn(look: Look, module: Module, node: Node): boolean {
  const around = functionAround(node)
  return (
    around !== undefined &&
    (/\.save\(/.test(module.text.slice(node.end, around.end)) ||
      look.effects.within(module, around).some(({ library }) => library.kind === 'database'))
  )
}
