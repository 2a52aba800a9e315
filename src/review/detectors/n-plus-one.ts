import { type Effect, isQuery, OUTSIDE, WRITES } from '../project/effects.ts'
import type { Step, Target } from '../project/functions.ts'
import { labelOf, stepOf } from '../project/functions.ts'
import { type Loop, loopAround, namesRead } from '../project/regions.ts'
import { isInMigrations } from '../sql/migration.ts'
import {
  awaited,
  bare,
  type CallNode,
  calledName,
  functionAround,
  is,
  memberName,
  type Node,
  nameOf,
  outside,
} from '../syntax/node.ts'
import { leadingTo, namesIn, returnsQuery } from './common.ts'
import type { Detector, Look } from './detector.ts'

/** Loops over these run a few times on purpose: batches, retries, a fixed list, one after another. */
const FEW =
  /chunk|batch|page|slice|retr|attempt|migration|seed|shard|partition|tenants?$|by_?table|table_?names?|entries\(\[/i

export const nPlusOne: Detector = {
  id: 'n-plus-one',
  level: 'warning',
  consequence:
    'One round trip for each row: ten rows are quick, a thousand hold the request for seconds and a connection with it.',
  check(look) {
    const { path } = look.module
    if (/migrat|seed|script|fixture|cli\b/i.test(path) || isInMigrations(path)) return
    // Several queries of one turn are one finding.
    const told = new Set<Node>()
    for (const effect of look.effects.in(look.module)) {
      if (isQuery(effect) && !isOfSchema(effect)) inspect(look, effect, told)
    }
    for (const call of look.module.all('CallExpression')) inspectCall(look, call, told)
  },
}

/** DROP, CREATE, ANALYZE: nothing that a list of keys could be given to. */
function isOfSchema({ sql }: Effect): boolean {
  return /^\s*(?:drop|create|alter|truncate|analyze|vacuum|refresh|reindex)\b/i.test(
    sql?.text ?? '',
  )
}

function inspect(look: Look, effect: Effect, told: Set<Node>): void {
  const { node } = effect
  const loop = loopAround(node)
  if (loop === undefined || told.has(loop.node)) return
  if (!isRepeated(look, node, loop) || isAround(look, effect, loop)) return
  if (isBounded(look, loop)) return
  told.add(loop.node)
  const rows = effect.library.says.many
  look.report(node, {
    message: `${effect.library.title} is asked once for each turn of the loop over ${overOf(look, loop)}.`,
    fix:
      rows === undefined || effect.does === 'insert'
        ? 'Collect the rows and send them in one statement.'
        : `Ask once for all keys before the loop: ${rows}`,
    ...(isRare(look, effect, loop)
      ? { confidence: 'low', level: 'info' }
      : { confidence: returnsQuery(look, loop.over) ? 'high' : 'medium' }),
    trail: leadingTo(look, node),
  })
}

const TURNS_FEW = 20

/** tickets: z.array(…).max(10): what the caller sends is a handful, by the schema of this package. */
function isBounded({ project, module }: Look, { over }: Loop): boolean {
  const list = over && bare(over)
  const name = is(list, 'MemberExpression') ? memberName(list) : undefined
  if (name === undefined || !is(list, 'MemberExpression') || !is(bare(list.object), 'Identifier'))
    return false
  const { folder } = project.packageOf(module)
  const bound = new RegExp(
    `\\b${name.replaceAll('$', '\\$')}\\s*:\\s*(?:z|[jJ]oi)\\s*\\.array\\((?:[^;]{0,300}?)\\)\\s*\\.max\\(\\s*(\\d+)`,
  )
  const found = project.modules
    .filter((each) => project.packageOf(each).folder === folder)
    .flatMap(({ text }) => bound.exec(text)?.[1] ?? [])
  return found.length > 0 && found.every((each) => Number(each) <= TURNS_FEW)
}

/** Most turns leave before it, or spend their time elsewhere: on a request, a mail, a file. */
function isRare(look: Look, { does, module, node }: Effect, { body }: Loop): boolean {
  // Rows that get a value each are not so easily written at once, and are seldom many.
  if (does === 'update' || does === 'upsert') return true
  if (WRITES.has(does) && (isConditional(node, body) || isBehindContinue(module, node, body)))
    return true
  return look.effects.within(module, body).some((each) => OUTSIDE.has(each.does))
}

function isBehindContinue(module: Look['module'], node: Node, body: Node): boolean {
  return /\bcontinue\b/.test(module.text.slice(body.start, node.start))
}

/** A query that another function of the tree sends. */
function inspectCall(look: Look, call: CallNode, told: Set<Node>): void {
  const loop = loopAround(call)
  if (
    loop === undefined ||
    told.has(loop.node) ||
    !isWaitedFor(call) ||
    !isRepeated(look, call, loop) ||
    isBounded(look, loop)
  )
    return
  const target = look.functions.target({ module: look.module, node: call })
  if (target === undefined || !target.node.async) return
  const direct = look.effects
    .within(target.module, target.node)
    .find(
      (each) =>
        isQuery(each) &&
        functionAround(each.node) === target.node &&
        !isBehindCache(target, each.node) &&
        !isConditional(each.node, target.node),
    )
  if (direct === undefined || direct.node === undefined) return
  told.add(loop.node)
  const step: Step = { module: look.module, node: call, label: labelOf(target) }
  look.report(call, {
    message: `${calledName(call)}() sends a query (${stepOf(direct).label}) once for each turn of the loop over ${overOf(look, loop)}.`,
    fix: `Give ${calledName(call)} all the keys at once: ${direct.library.says.many ?? 'one statement for the whole list'}`,
    confidence: returnsQuery(look, loop.over) ? 'medium' : 'low',
    level: returnsQuery(look, loop.over) ? 'warning' : 'info',
    trail: [...leadingTo(look, call), step, stepOf(direct)],
  })
}

/** if (known) return known, before it asks. */
function isBehindCache({ module, node }: Target, query: Node): boolean {
  return /\bif\s*\([^)]*(?:cache|known|memo|loaded)\w*[^)]*\)\s*\{?\s*return\b/i.test(
    module.text.slice(node.start, query.start),
  )
}

function isWaitedFor(call: Node): boolean {
  const parent = outside(call)
  return (
    is(parent, 'AwaitExpression') ||
    is(parent, 'ArrowFunctionExpression') ||
    is(parent, 'ReturnStatement')
  )
}

function isConditional(node: Node, end: Node): boolean {
  for (let at = node.parent; at !== undefined && at !== end; at = at.parent) {
    if (is(at, 'IfStatement') || is(at, 'ConditionalExpression') || is(at, 'CatchClause'))
      return true
  }
  return false
}

/** The query asks for something of this turn, and turns follow the data. */
function isRepeated({ module }: Look, node: Node, loop: Loop): boolean {
  if (loop.item === undefined || loop.over === undefined) return false
  const over = listOf(loop.over)
  if (is(over, 'ArrayExpression') || FEW.test(module.source(over))) return false
  const items = namesIn(loop.item)
  if (items.some((name) => FEW.test(name))) return false
  const inside = module.text.slice(node.start, node.end)
  if (
    items.some((name) =>
      new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`).test(inside),
    )
  )
    return !isLimited(module.source(loop.body))
  return (
    [...namesRead(module, node)].some((name) => declaredInside(look(module), loop, name, items)) &&
    !isLimited(module.source(loop.body))
  )
}

const look = (module: Look['module']) => module

/** The list itself, before what is filtered and sorted. */
function listOf(node: Node): Node {
  const at = bare(node)
  const callee = is(at, 'CallExpression') ? bare(at.callee) : undefined
  return is(callee, 'MemberExpression') &&
    /^(?:filter|map|toSorted|sort|toReversed|reverse)$/.test(memberName(callee) ?? '')
    ? listOf(callee.object)
    : at
}

/** Names that a turn makes from its item: const id = item.id */
function declaredInside(
  module: Look['module'],
  loop: Loop,
  name: string,
  items: readonly string[],
): boolean {
  const found = module.scopes.find(loop.body, name)
  const binding = found ?? undefined
  const declared = binding?.declaration
  const inner = module
    .all('VariableDeclarator')
    .find(
      ({ id, start, end }) =>
        nameOf(id) === name && start >= loop.body.start && end <= loop.body.end,
    )
  const init =
    inner?.init ??
    (declared &&
    is(declared, 'VariableDeclarator') &&
    declared.start >= loop.body.start &&
    declared.end <= loop.body.end
      ? declared.init
      : undefined)
  if (!init) return false
  const text = module.source(awaited(init))
  return items.some((item) => new RegExp(`(?<![\\w$.])${item}(?![\\w$])`).test(text))
}

/** Leaves after the first hit, as a search through candidates does. */
function isLimited(body: string): boolean {
  return /\bbreak\b(?!\s+\w)/.test(body) || /dataloader|\bloader\./i.test(body)
}

/** The loop itself is one statement: transaction([...items.map(create)]), Promise inside of a batch. */
function isAround({ module }: Look, { library }: Effect, loop: Loop): boolean {
  if (!is(loop.node, 'CallExpression')) return false
  const parent = outside(loop.node)
  if (!is(parent, 'CallExpression')) return false
  return (
    /transaction|batch|pipeline|unionAll?/i.test(module.source(parent.callee)) &&
    library.kind === 'database'
  )
}

function overOf({ module }: Look, { over }: Loop): string {
  const text = over === undefined ? '…' : module.source(over).replaceAll(/\s+/g, ' ')
  return text.length > 40 ? `${text.slice(0, 37)}...` : text
}
