/** What several detectors ask. */
import { READS } from '../project/effects.ts'
import type { Step } from '../project/functions.ts'
import { labelOf } from '../project/functions.ts'
import { routeStep } from '../project/request-values.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  awaited,
  bare,
  type CallNode,
  calledName,
  type FunctionNode,
  functionAround,
  is,
  isFunction,
  isInside,
  type Node,
  type NodeOf,
  nameOf,
  outside,
  textOf,
} from '../syntax/node.ts'
import type { Look } from './detector.ts'

/** The names that a pattern declares. */
export function namesIn(pattern: Node): string[] {
  if (is(pattern, 'Identifier')) return [pattern.name]
  if (is(pattern, 'AssignmentPattern')) return namesIn(pattern.left)
  if (is(pattern, 'RestElement')) return namesIn(pattern.argument)
  if (is(pattern, 'ArrayPattern'))
    return pattern.elements.flatMap((each) => (each ? namesIn(each) : []))
  if (!is(pattern, 'ObjectPattern')) return []
  return pattern.properties.flatMap((each) => namesIn(is(each, 'Property') ? each.value : each))
}

const CALLERS_MAX = 6
const STEPS_MAX = 5

/**
 * From a route to a node, where one is seen that leads there. While the tree is still read it is
 * nothing: what was found is told without it, and the path is filled in at the end.
 */
export function leadingTo(look: Look, node: Node): readonly Step[] {
  if (look.project.isWhole) return routeTo(look, node)
  look.project.isPathOpen = true
  return []
}

function routeTo(look: Look, node: Node): readonly Step[] {
  const start = outermostInline(node)
  if (start === undefined) return []
  const seen = new Set<Node>()
  let front: { fn: FunctionNode; steps: readonly Step[] }[] = [{ fn: start, steps: [] }]
  for (let depth = 0; depth < STEPS_MAX && front.length > 0; depth++) {
    const next: typeof front = []
    for (const { fn, steps } of front) {
      const handler = look.handlers.of(fn)
      if (handler !== undefined) return [routeStep(handler), ...steps]
      if (seen.has(fn)) continue
      seen.add(fn)
      for (const call of look.functions.callers(fn).slice(0, CALLERS_MAX)) {
        const around = handlerAround(look, call.node) ?? outermostInline(call.node)
        if (around !== undefined)
          next.push({ fn: around, steps: [{ ...call, label: labelOf({ node: fn }) }, ...steps] })
      }
    }
    front = next
  }
  return []
}

function handlerAround({ handlers }: Pick<Look, 'handlers'>, node: Node): FunctionNode | undefined {
  for (let at = functionAround(node); at !== undefined; at = functionAround(at)) {
    if (handlers.of(at) !== undefined) return at
  }
  return undefined
}

/** The function that people would name: past callbacks that are written where they are used. */
function outermostInline(node: Node): FunctionNode | undefined {
  let at = functionAround(node)
  while (at !== undefined) {
    const parent = outside(at)
    const next = functionAround(at)
    if (!is(parent, 'CallExpression') || next === undefined) return at
    at = next
  }
  return undefined
}

/** The route that a node is reached from: it stands in its handler, or in what that calls. */
export function isServing(look: Look, node: Node): readonly Step[] | undefined {
  const own = handlerAround(look, node)
  const handler = own && look.handlers.of(own)
  if (handler !== undefined) return [routeStep(handler)]
  const trail = routeTo(look, node)
  return trail.length > 0 ? trail : undefined
}

/** Whether a list visibly comes out of the database. */
export function returnsQuery(look: Look, node: Node | undefined): boolean {
  if (node === undefined) return false
  const at = awaited(node)
  if (is(at, 'Identifier')) {
    const binding = look.module.binding(at)
    if (binding?.kind !== 'variable' || !is(binding.declaration, 'VariableDeclarator')) return false
    return returnsQuery(look, binding.declaration.init ?? undefined)
  }
  if (is(at, 'MemberExpression'))
    return nameOf(at.property) === 'rows' && returnsQuery(look, at.object)
  if (!is(at, 'CallExpression')) return is(at, 'TaggedTemplateExpression') && isRead(look, at)
  return isRead(look, at)
}

function isRead({ effects, module }: Look, node: Node): boolean {
  return effects
    .in(module)
    .some((effect) => effect.node === node && READS.has(effect.does) && effect.rows === 'many')
}

/** Whether a text of this kind is said anywhere near: in the function around, or at the node. */
export function said(module: Module, node: Node | undefined, words: RegExp): boolean {
  return node !== undefined && words.test(module.source(node))
}

/** In pool.on('connect', …): said to each connection before anybody gets it, and sent in that order. */
export function isAtConnect(node: Node): boolean {
  const handler = above(node, (each) => {
    const call = isFunction(each) ? outside(each) : undefined
    return is(call, 'CallExpression') && textOf(call.arguments[0]) === 'connect'
  })
  return handler !== undefined
}

/** A list of what is in `if (...) …` conditions above a node. */
export function conditionsAbove(node: Node, end?: Node): readonly Node[] {
  const found: Node[] = []
  for (
    let at: Node | undefined = node;
    at.parent !== undefined && at.parent !== end;
    at = at.parent
  ) {
    if (is(at.parent, 'IfStatement') && at !== at.parent.test) found.push(at.parent.test)
    if (is(at.parent, 'ConditionalExpression') && at !== at.parent.test) found.push(at.parent.test)
  }
  return found
}

/** The variable that takes what a call gives. */
export function takenBy(node: Node): NodeOf<'VariableDeclarator'> | undefined {
  let at = outside(node)
  while (is(at, 'AwaitExpression')) at = outside(at)
  return is(at, 'VariableDeclarator') ? at : undefined
}

/** Whether a call of `name` stands in a list of middleware, as itself or made by a call. */
export function textsOf(module: Module, nodes: readonly Node[]): string {
  return nodes.map((node) => module.source(node)).join(' ')
}

/** The object that is given to a call at a position, followed through a constant. */
export function objectAt(
  module: Module,
  call: NodeOf<'CallExpression' | 'NewExpression'>,
  index: number,
): NodeOf<'ObjectExpression'> | undefined {
  const given = call.arguments[index]
  return given === undefined ? undefined : objectOf(module, given)
}

export function objectOf(module: Module, node: Node): NodeOf<'ObjectExpression'> | undefined {
  const at = bare(node)
  if (is(at, 'ObjectExpression')) return at
  if (!is(at, 'Identifier')) return undefined
  const declaration = module.binding(at)?.declaration
  const init = is(declaration, 'VariableDeclarator') ? declaration.init : undefined
  const found = init && bare(init)
  return is(found, 'ObjectExpression') ? found : undefined
}

/** In the branch of a development server. */
export function isForDevelopment(module: Module, node: Node): boolean {
  return (
    conditionsAbove(node).some((test) =>
      /(?<![!=])===?\s*['"](?:dev|local|test)|!==?\s*['"]prod|!\s*\w*isProd|\bis(?:Dev|Local|Test)/i.test(
        module.source(test),
      ),
    ) || isOtherwise(module, node, IN_PRODUCTION)
  )
}

const IN_PRODUCTION = /^(?:[\w.]*\bis_?prod\w*|[\w.]+\s*===?\s*['"]prod\w*['"])$/i

/** In the branch that is taken where the condition does not hold. */
function isOtherwise(module: Module, node: Node, condition: RegExp): boolean {
  const branch = [node, ...nodesAbove(node)].find(
    (at) =>
      (is(at.parent, 'IfStatement') || is(at.parent, 'ConditionalExpression')) &&
      at.parent.alternate === at &&
      condition.test(module.source(at.parent.test)),
  )
  return branch !== undefined
}

function nodesAbove({ parent }: Node): readonly Node[] {
  return parent === undefined ? [] : [parent, ...nodesAbove(parent)]
}

/** Kept after the first time: cache ??= readFileSync(…), if (!cache) … */
export function isOnce(module: Module, call: Node): boolean {
  if (isFilledBefore(module, call)) return true
  const assignment = above(call, (each) => is(each, 'AssignmentExpression'))
  if (
    is(assignment, 'AssignmentExpression') &&
    (assignment.operator === '??=' || isRemembered(module, assignment))
  )
    return true
  const condition = above(call, (each) => is(each, 'IfStatement'))
  if (!is(condition, 'IfStatement')) return false
  const test = module.source(condition.test)
  if (/^!\s*[\w.]*(?:cache|loaded|initial|template|memo)/i.test(test)) return true
  const kept = conditionsAbove(call).map((each) => /^!\s*(\w+)$/.exec(module.source(each))?.[1])
  return kept.some(
    (name) => name !== undefined && isOfModule(module, name) && isGiven(module, name, call),
  )
}

function isOfModule(module: Module, name: string): boolean {
  return module.scopes.find(module.program, name)?.kind === 'variable'
}

/** if (known) return known; known = read() */
function isRemembered(module: Module, { left, operator }: NodeOf<'AssignmentExpression'>): boolean {
  const name = nameOf(left)
  const around = functionAround(left)
  if (operator !== '=' || name === undefined || around === undefined) return false
  return (
    isOfModule(module, name) &&
    new RegExp(`\\bif\\s*\\(\\s*!?\\s*${name}\\b`).test(module.source(around))
  )
}

/** if (!robots) { … robots = readFileSync(…) } */
function isGiven(module: Module, name: string, call: Node): boolean {
  const around = functionAround(call) ?? call
  return new RegExp(`\\b${name}\\s*=[^=]`).test(module.source(around))
}

/** if (views.size > 0) return, before it reads. */
function isFilledBefore(module: Module, call: Node): boolean {
  const around = functionAround(call)
  const before = around === undefined ? '' : module.text.slice(around.start, call.start)
  return [
    ...before.matchAll(/\bif\s*\(\s*(\w+)\.(?:size|length)(?:\s*>\s*0)?\s*\)\s*\{?\s*return\b/g),
  ].some(([, name = '']) => isOfModule(module, name))
}

/** Calls that run what they are handed before they go on. */
const AT_ONCE =
  /^(?:Promise|map|forEach|flatMap|filter|reduce|some|every|from|all|\w*(?:Series|Limit)|limit|pMap|each|\w*retr(?:y|ies)\w*|backOff|attempt|\w*[sS]pan|trace|measure|tryCatch)$/i

/** Calls that run what they are handed while somebody waits for them: breaker.execute(ask). */
const AT_ONCE_WHERE_TAKEN = /^(?:execute|exec|fire|run|call|wrap|protect)$/i

/** The call that runs a function or the name of one: its own, or one that it is handed to. */
function runAtOnceBy(node: Node): CallNode | NodeOf<'NewExpression'> | undefined {
  const call = outside(node)
  if (!is(call, 'CallExpression') && !is(call, 'NewExpression')) return undefined
  const name = calledName(call) ?? ''
  const runs =
    bare(call.callee) === node ||
    AT_ONCE.test(name) ||
    (AT_ONCE_WHERE_TAKEN.test(name) && isTaken(call))
  return runs ? call : undefined
}

/** Whether a node runs when `outer` does: not in a callback that somebody keeps for later. */
export function runsWith(
  module: Module,
  node: Node,
  outer: Node | undefined,
  seen: ReadonlySet<Node> = new Set(),
): boolean {
  const at = functionAround(node)
  if (at === outer) return true
  if (at === undefined || seen.has(at)) return false
  const within = new Set([...seen, at])
  if (runAtOnceBy(at) !== undefined) return runsWith(module, at, outer, within)
  return usesOfLocal(module, at).some((use) => {
    const call = runAtOnceBy(use)
    return call !== undefined && isTaken(call) && runsWith(module, call, outer, within)
  })
}

/** const ask = async () => …, function ask() { … }: where a function within another is named. */
function usesOfLocal(module: Module, fn: FunctionNode): readonly Node[] {
  const declared = is(fn, 'FunctionDeclaration') ? fn : outside(fn)
  const isNamed = is(declared, 'FunctionDeclaration') || is(declared, 'VariableDeclarator')
  const { id } = isNamed ? declared : {}
  const around = functionAround(fn)
  if (around === undefined || !is(id, 'Identifier')) return []
  const binding = module.scopes.find(id, id.name)
  return binding === undefined ? [] : module.references(binding)
}

/** Whether somebody takes what a call gives: it is awaited, returned or kept. */
export function isTaken(node: Node): boolean {
  const parent = outside(node)
  if (is(parent, 'MemberExpression') && bare(parent.object) === node) {
    const call = outside(parent)
    return !is(call, 'CallExpression') || isTaken(call)
  }
  return !(
    is(parent, 'ExpressionStatement') ||
    (is(parent, 'UnaryExpression') && parent.operator === 'void')
  )
}

/** Whether the function around may have returned before it comes to a node. */
export function mayLeaveBefore(module: Module, node: Node): boolean {
  const around = functionAround(node)
  return module
    .all('ReturnStatement')
    .some(
      (each) =>
        each.end < node.start &&
        functionAround(each) === around &&
        !isWithoutRows(module, each, around),
    )
}

/** if (rows.length === 0) return: of what was read here, there may be none once, but not always. */
function isWithoutRows(
  module: Module,
  leaving: NodeOf<'ReturnStatement'>,
  around: FunctionNode | undefined,
): boolean {
  const tests = conditionsAbove(leaving, around)
  return (
    tests.length > 0 &&
    tests.every((test) => !SWITCH.test(module.source(test))) &&
    tests.some((test) =>
      module
        .all('Identifier')
        .some((each) => isInside(each, test) && isAwaitedVariable(module, each, around)),
    )
  )
}

/** What is kept, or set up once: with it the call behind may never be made. */
const SWITCH =
  /cach|memo|config|enabled|disabled|\benv\b|flag|feature|mock|test|local|dev|skip|dry/i

/** A variable that an await of the same function has filled. */
function isAwaitedVariable(
  module: Module,
  name: NodeOf<'Identifier'>,
  around: FunctionNode | undefined,
): boolean {
  const binding = module.binding(name)
  if (binding?.kind !== 'variable' || !is(binding.declaration, 'VariableDeclarator')) return false
  const { init } = binding.declaration
  if (functionAround(binding.declaration) !== around) return false
  return (
    is(init && bare(init), 'AwaitExpression') ||
    module.references(binding).some((each) => {
      const assignment = outside(each)
      return (
        is(assignment, 'AssignmentExpression') &&
        assignment.left === each &&
        is(bare(assignment.right), 'AwaitExpression')
      )
    })
  )
}
