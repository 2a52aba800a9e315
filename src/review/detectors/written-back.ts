/** A column that goes back as what was read of it plus or minus something, whatever it is called. */
import type { Effect } from '../project/effects.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  type FunctionNode,
  functionAround,
  is,
  isInside,
  memberName,
  type Node,
  type NodeOf,
  nameOf,
  outside,
} from '../syntax/node.ts'

/** What is sent, and the sum that it carries. */
export interface WrittenBack {
  readonly write: Node
  readonly sum: Node
}

interface Change {
  readonly node: Node
  readonly column: string
}

/** The row by its names, the function that read it, and the updates of its table that follow. */
export interface ReadRow {
  readonly module: Module
  readonly fn: FunctionNode
  readonly names: readonly string[]
  readonly read: Effect
  readonly updates: readonly Effect[]
}

/** Finds `SET uses = (row.uses - 1)`, `{ left: row.left - n }`, and `row.left -= n` that is saved. */
export function writtenBack(row: ReadRow): WrittenBack | undefined {
  return isHeld(row.module, row.fn) ? undefined : (sentBack(row) ?? savedBack(row))
}

/** The row is held, or whoever is second is refused; what is handed to a transaction counts as well. */
export function isHeld(module: Module, fn: FunctionNode): boolean {
  return HELD.test(module.source(outside(fn) ?? fn))
}

const HELD =
  /for\s+(?:no\s+key\s+)?update|forUpdate|pessimistic|optimistic|isolation|\w*lock\w*\(|\bsession\s*[,}]|\.session\(|withTransaction|startSession/i

const NO_COUNTER =
  /(?:date|time|timestamp|at|length|size|position|index|idx|order|sort\w*|version|revision|page|offset|step|level|depth|rank|priority|width|height|lat|lng|lon|[xy]|attempts?|retr(?:y|ies)|retry_?count|seq\w*|next\w*|last\w*|progress|percent\w*|duration|elapsed|age|year|month|day)$/i
const OF_TEXT =
  /(?:name|text|title|content|body|message|html|url|path|slug|comment|notes?|log|description|address|code|key|token|prefix|suffix|summary|output)s?$/i

function isColumn(column: string | undefined): column is string {
  return column !== undefined && !NO_COUNTER.test(column)
}

/** The column that a node reads or writes of the row: row.left, rows[0].left, Number(row.left). */
function columnOf({ names }: ReadRow, node: Node): string | undefined {
  let at = bare(node)
  if (is(at, 'CallExpression') && at.arguments.length === 1) at = bare(at.arguments[0] as Node)
  if (is(at, 'LogicalExpression')) at = bare(at.left)
  if (!is(at, 'MemberExpression')) return undefined
  const column = memberName(at)
  let root: Node = at
  while (is(root, 'MemberExpression')) root = bare(root.object)
  return is(root, 'Identifier') && names.includes(root.name) && isColumn(column)
    ? column
    : undefined
}

/** A sum of numbers: texts are put together with + as well. */
function isOfNumbers(
  { module, fn }: ReadRow,
  operator: string,
  column: string,
  other: Node,
): boolean {
  if (operator.startsWith('-')) return true
  const at = bare(other)
  if (is(at, 'Literal')) return typeof at.value === 'number'
  const name = is(at, 'MemberExpression') ? memberName(at) : nameOf(at)
  if (is(at, 'TemplateLiteral') || OF_TEXT.test(column) || OF_TEXT.test(name ?? '')) return false
  const asked = new RegExp(
    `\\b(?:${[column, name].filter((each) => each !== undefined).join('|')})\\b\\s*[<>]`,
  )
  return asked.test(module.source(fn)) || isTypedNumber(module, at)
}

function isTypedNumber(module: Module, node: Node): boolean {
  if (is(node, 'CallExpression'))
    return /^(?:Number|parseInt|parseFloat)$/.test(calledName(node) ?? '')
  if (!is(node, 'Identifier')) return false
  const declaration = module.binding(node)?.declaration
  return declaration !== undefined && /:\s*number\b/.test(module.source(declaration))
}

function changesIn(row: ReadRow): readonly Change[] {
  return row.module.all('BinaryExpression').flatMap((sum) => {
    if (!isAfter(row, sum) || (sum.operator !== '-' && sum.operator !== '+')) return []
    const column = columnOf(row, sum.left)
    return column !== undefined && isOfNumbers(row, sum.operator, column, sum.right)
      ? [{ node: sum, column }]
      : []
  })
}

function isAfter({ fn, read }: ReadRow, node: Node): boolean {
  return node.start > read.node.end && functionAround(node) === fn
}

/** In the statement itself, or by a constant that is made before. */
function sentBack(row: ReadRow): WrittenBack | undefined {
  for (const { node, column } of changesIn(row)) {
    for (const place of placesOf(row, node)) {
      const write = statementAround(row, place)
      if (write === undefined || !goesInto(row.module, place, column)) continue
      if (!isGuarded(row.module, write, place, column)) return { write, sum: node }
    }
  }
  return undefined
}

const KEEPS = /^(?:max|min|round|floor|ceil|Number|String|toFixed|toString)$/

/** Math.max(0, sum) is the sum as well. */
function wholeOf(sum: Node): Node {
  let at = sum
  for (;;) {
    const parent = outside(at)
    const call = is(parent, 'MemberExpression') ? outside(parent) : parent
    if (!is(call, 'CallExpression') || !KEEPS.test(calledName(call) ?? '')) return at
    at = call
  }
}

/** Where the sum stands, or the constant that it is called by. */
function placesOf({ module }: ReadRow, sum: Node): readonly Node[] {
  const whole = wholeOf(sum)
  const declarator = outside(whole)
  if (!is(declarator, 'VariableDeclarator') || !is(declarator.id, 'Identifier')) return [whole]
  const binding = module.scopes.find(declarator.id, declarator.id.name)
  return binding === undefined ? [] : module.references(binding)
}

function statementAround(row: ReadRow, place: Node): Node | undefined {
  const update = row.updates.find(({ node }) => isInside(place, node))
  return update?.node ?? ownCalls(row, /^update$/).find((call) => isInside(place, call))
}

/** row.update(…), row.save() */
function ownCalls(row: ReadRow, verbs: RegExp): readonly CallNode[] {
  return row.module
    .all('CallExpression')
    .filter(
      (call) =>
        isAfter(row, call) &&
        verbs.test(calledName(call) ?? '') &&
        is(call.callee, 'MemberExpression') &&
        isRow(row, call.callee.object),
    )
}

function isRow({ names }: ReadRow, node: Node): boolean {
  const at = bare(node)
  return is(at, 'Identifier') && names.includes(at.name)
}

/** { uses: sum }, and SET uses = $1 with the sum as the first parameter. */
function goesInto(module: Module, place: Node, column: string): boolean {
  const parent = outside(place)
  if (is(parent, 'Property')) return nameOf(parent.key) === column && bare(parent.value) === place
  const number = numberOf(parent, place)
  if (parent === undefined || number === undefined) return false
  const set = new RegExp(`\\b${column}["'\`\\]]?\\s*=\\s*(?:\\$(?:${number}\\b|\\{)|\\?)`, 'i')
  return set.test(statementOf(module, parent).split(/\bwhere\b/i)[0] ?? '')
}

/** As which parameter it is sent. */
function numberOf(parent: Node | undefined, place: Node): number | undefined {
  if (is(parent, 'ArrayExpression'))
    return parent.elements.findIndex((each) => each && bare(each) === place) + 1
  return is(parent, 'TemplateLiteral') ? parent.expressions.indexOf(place) + 1 : undefined
}

/** The call around the parameters, its text included. */
function statementOf(module: Module, parent: Node): string {
  if (is(parent, 'TemplateLiteral')) return module.source(parent)
  const call = outside(parent)
  return call === undefined ? '' : module.source(call)
}

/** The column is named once more: WHERE says what it was, or that there is enough. */
function isGuarded(module: Module, write: Node, place: Node, column: string): boolean {
  const given = outside(place)
  const own = is(given, 'Property') ? given : place
  const text = `${module.text.slice(write.start, own.start)} ${module.text.slice(own.end, write.end)}`
  const times = text.match(new RegExp(`\\b${column}\\b`, 'g'))?.length ?? 0
  return /version/i.test(text) || times > (is(given, 'Property') ? 0 : 1)
}

/** row.left -= n; await row.save() */
function savedBack(row: ReadRow): WrittenBack | undefined {
  const change = assignmentsIn(row)[0]
  if (change === undefined) return undefined
  const write = savesOf(row).find(({ start }) => start > change.end)
  return write && { write, sum: change }
}

function assignmentsIn(row: ReadRow): readonly Node[] {
  const { module } = row
  const counted = module
    .all('UpdateExpression')
    .filter((each) => isAfter(row, each) && columnOf(row, each.argument) !== undefined)
  const assigned = module
    .all('AssignmentExpression')
    .filter((each) => isAfter(row, each) && isChange(row, each))
  return [...counted, ...assigned]
}

function isChange(
  row: ReadRow,
  { operator, left, right }: NodeOf<'AssignmentExpression'>,
): boolean {
  const column = is(bare(left), 'MemberExpression') ? columnOf(row, left) : undefined
  if (column === undefined) return false
  if (operator === '-=' || operator === '+=') return isOfNumbers(row, operator, column, right)
  return (
    operator === '=' &&
    changesIn(row).some((each) => each.column === column && wholeOf(each.node) === bare(right))
  )
}

/** row.save(), orders.save(row), em.persistAndFlush(row) */
function savesOf(row: ReadRow): readonly CallNode[] {
  const own = ownCalls(row, /^save$/)
  const others = row.module
    .all('CallExpression')
    .filter(
      (call) =>
        isAfter(row, call) &&
        /^(?:save|persistAndFlush)$/.test(calledName(call) ?? '') &&
        call.arguments.some((each) => isRow(row, each)),
    )
  return [...own, ...others]
}
