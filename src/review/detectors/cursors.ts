/** Pages that follow a point in time alone. */
import type { Node as SqlNode } from 'libpg-query'
import { as, conjuncts, names, withoutCasts } from '../../database/guard/ast.ts'
import type { Effect } from '../project/effects.ts'
import { bare, is, type Node, nameOf, propertyOf, textOf } from '../syntax/node.ts'
import { leadingTo } from './common.ts'
import type { Detector, Look } from './detector.ts'

const TIME = /(?:^at|_at|[a-z]At|_on|_time|Time|timestamp|_date|Date|^date|^created|^updated)$/
/** What the next page is asked by; a period that somebody chose is none. */
const CURSOR = /cursor|after|before|last|next|prev|token|seen/i

export const dateCursorPrecision: Detector = {
  id: 'date-cursor-precision',
  level: 'info',
  consequence:
    'Rows of one instant that a page ends between are skipped or shown twice; and a Date of JavaScript has milliseconds where the column has microseconds.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      if (effect.does !== 'read' || effect.library.id === 'mongoose') continue
      const column = cursorOf(look, effect)
      if (column === undefined) continue
      look.report(effect.node, {
        message: `Pages of ${effect.table ?? 'the table'} follow ${column} alone.`,
        fix:
          effect.library.says.keyset ??
          `Order by ${column} and id, and ask for what comes after both.`,
        confidence: 'medium',
        trail: leadingTo(look, effect.node),
      })
    }
  },
}

function cursorOf(look: Look, effect: Effect): string | undefined {
  if (effect.sql !== undefined) return cursorInSql(look, effect, effect.sql.text)
  return effect.library.id === 'prisma'
    ? cursorInOptions(look, effect)
    : cursorInChain(look, effect)
}

function cursorInSql({ sql, module }: Look, { verb, sql: own }: Effect, text: string) {
  const select = as(sql?.parse(text)?.[0]?.node, 'SelectStmt')
  const [sort, second] = select?.sortClause ?? []
  if (select?.limitCount === undefined || second !== undefined) return undefined
  const column = columnOf(as(sort, 'SortBy')?.node)
  if (column === undefined || !TIME.test(column)) return undefined
  const found = conjuncts(select.whereClause)
    .map((each) => as(each, 'A_Expr'))
    .find(
      (each) => /^[<>]$/.test(names(each?.name).at(-1) ?? '') && columnOf(each?.lexpr) === column,
    )
  const number = as(withoutCasts(found?.rexpr), 'ParamRef')?.number
  if (number === undefined) return undefined
  const value = own?.isTagged
    ? (own.node as { expressions?: readonly Node[] }).expressions?.[number - 1]
    : elementOf(verb.args?.[1], number - 1)
  return value && CURSOR.test(module.source(value)) ? column : undefined
}

function columnOf(node: SqlNode | undefined): string | undefined {
  return names(as(withoutCasts(node), 'ColumnRef')?.fields).at(-1)
}

function elementOf(list: Node | undefined, index: number): Node | undefined {
  const at = list && bare(list)
  return is(at, 'ArrayExpression') ? (at.elements[index] ?? undefined) : undefined
}

/** findMany({ where: { createdAt: { lt: cursor } }, orderBy: { createdAt: 'desc' }, take }) */
function cursorInOptions({ module }: Look, { verb }: Effect): string | undefined {
  const [options] = verb.args ?? []
  const order = propertyOf(options, 'orderBy')
  const list = order && bare(order)
  const only = is(list, 'ArrayExpression') && list.elements.length === 1 ? list.elements[0] : list
  const keys = only ? keysOf(bare(only)) : []
  const [column] = keys
  if (column === undefined || keys.length > 1 || !TIME.test(column)) return undefined
  if (propertyOf(options, 'take') === undefined) return undefined
  const bound = propertyOf(propertyOf(options, 'where'), column)
  const value = propertyOf(bound, 'lt') ?? propertyOf(bound, 'gt')
  return value && CURSOR.test(module.source(value)) ? column : undefined
}

function keysOf(node: Node): readonly string[] {
  return is(node, 'ObjectExpression')
    ? node.properties.flatMap((each) => (is(each, 'Property') ? (nameOf(each.key) ?? []) : []))
    : []
}

/** .where('created_at', '<', cursor).orderBy('created_at').limit(n), .where(lt(t.createdAt, cursor)) */
function cursorInChain({ module }: Look, { segments }: Effect): string | undefined {
  const orders = segments.filter(({ name }) => name === 'orderBy')
  const [first, second] = orders[0]?.args ?? []
  const isOne = orders.length === 1 && (second === undefined || textOf(second) !== undefined)
  if (!isOne || first === undefined || !segments.some(({ name }) => name === 'limit'))
    return undefined
  const column = columnNamed(module.source(first))
  if (column === undefined || !TIME.test(column)) return undefined
  const wheres = segments.filter(({ name }) => /where/i.test(name))
  const texts = wheres.map(({ args }) => (args ?? []).map((each) => module.source(each)).join(', '))
  const compares = new RegExp(
    `^(?:['"](?:\\w+\\.)?${column}['"], ['"][<>]['"], |(?:lt|gt)\\(\\w+\\.${column}, )(.*)$`,
  )
  const value = texts.length === 1 ? compares.exec(texts[0] ?? '')?.[1] : undefined
  return value !== undefined && CURSOR.test(value) ? column : undefined
}

/** Of 'posts.created_at', and of desc(posts.createdAt). */
function columnNamed(source: string): string | undefined {
  return /^(?:(?:asc|desc)\()?['"]?(?:\w+\.)?(\w+)['"]?\)?$/.exec(source)?.[1]
}
