/** Transactions that are kept open for longer than their statements need. */
import type { Effect } from '../project/effects.ts'
import { loopAround, type TransactionRegion } from '../project/regions.ts'
import {
  awaited,
  bare,
  calledName,
  is,
  isInside,
  type Node,
  outside,
  propertyOf,
} from '../syntax/node.ts'
import { leadingTo } from './common.ts'
import type { Claim, Detector, Look } from './detector.ts'

export const longTransaction: Detector = {
  id: 'long-transaction',
  level: 'warning',
  consequence:
    'Its locks and its connection are held all that time: others queue behind it, and no dead row of the whole database is cleaned away.',
  check(look) {
    if (/migrat|seed|script/i.test(look.module.path)) return
    for (const region of look.regions.transactions(look.module)) {
      const claim = sleeping(look, region) ?? throughAll(look, region)
      if (claim !== undefined)
        look.report(region.opening, { ...claim, trail: leadingTo(look, region.opening) })
    }
  },
}

const SLEEPS = /^(?:sleep|delay|pause|setTimeout|sleepMs|waitFor)$/

function sleeping({ module }: Look, region: TransactionRegion): Claim | undefined {
  const call = module
    .all('CallExpression')
    .find(
      (each) =>
        isWithin(each, region) &&
        SLEEPS.test(calledName(each) ?? '') &&
        (is(outside(each), 'AwaitExpression') || isPromised(each)),
    )
  return (
    call && {
      message: `The transaction waits: ${module.source(call).slice(0, 60)}.`,
      fix: 'Commit, wait, and go on in a transaction of its own',
      confidence: 'high',
    }
  )
}

/** await new Promise((done) => setTimeout(done, 1_000)) */
function isPromised(call: Node): boolean {
  for (let at = call.parent; at !== undefined; at = at.parent) {
    if (is(at, 'NewExpression'))
      return calledName(at) === 'Promise' && is(outside(at), 'AwaitExpression')
    if (is(at, 'BlockStatement') && !is(at.parent, 'ArrowFunctionExpression')) return false
  }
  return false
}

function isWithin(node: Node, { start, end }: TransactionRegion): boolean {
  return node.start >= start && node.end <= end
}

/** A statement for each row of a table that nobody has bounded. */
function throughAll(look: Look, region: TransactionRegion): Claim | undefined {
  const effects = look.effects.in(look.module).filter(({ node }) => isWithin(node, region))
  for (const effect of effects) {
    const loop = loopAround(effect.node)
    if (!isWrite(effect) || loop?.over === undefined || !isWithin(loop.node, region)) continue
    const { over } = loop
    const read = effects.find((each) => isWhole(each) && givesTo(look, each, over))
    if (read === undefined) continue
    return {
      message: `The transaction goes through every row of ${read.table ?? 'a table'}, one statement each.`,
      fix: 'One UPDATE for all of them; or batches by key, WHERE id > $1 ORDER BY id LIMIT 1000, each in a transaction of its own',
      confidence: 'medium',
    }
  }
  return undefined
}

function isWrite({ does }: Effect): boolean {
  return does === 'update' || does === 'insert' || does === 'delete' || does === 'upsert'
}

function isWhole({ does, rows, sql, segments, library, verb }: Effect): boolean {
  if (does !== 'read' || rows !== 'many') return false
  if (sql !== undefined) return !/\b(?:where|limit|fetch|join|group\s+by)\b/i.test(sql.text)
  const narrowing = [...(library.bounds ?? []), ...(library.filters ?? [])]
  if (segments.some(({ name }) => narrowing.includes(name) || /By/.test(name))) return false
  const fields = [...(library.boundFields ?? []), ...(library.filterFields ?? []), 'where']
  return (verb.args ?? []).every(
    (each) =>
      !is(bare(each), 'ObjectExpression') ||
      fields.every((field) => propertyOf(each, field) === undefined),
  )
}

/** const { rows } = await read; for (const row of rows) */
function givesTo({ module }: Look, { node }: Effect, over: Node): boolean {
  const at = awaited(over)
  if (isInside(node, at)) return true
  const root = is(at, 'MemberExpression') ? bare(at.object) : at
  const declaration = is(root, 'Identifier') ? module.binding(root)?.declaration : undefined
  const init = is(declaration, 'VariableDeclarator') ? declaration.init : undefined
  return init ? isInside(node, init) : false
}
