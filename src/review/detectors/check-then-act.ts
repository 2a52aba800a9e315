/** Decisions on what was read a moment ago, while others write. */
import { type Effect, READS, WRITES } from '../project/effects.ts'
import { stepOf } from '../project/functions.ts'
import { leaves } from '../project/regions.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  bare,
  calledName,
  type FunctionNode,
  functionAround,
  hasSpread,
  is,
  isInside,
  memberName,
  type Node,
  type NodeOf,
  nameOf,
} from '../syntax/node.ts'
import { leadingTo, namesIn, takenBy } from './common.ts'
import type { Claim, Detector, Look } from './detector.ts'
import { isHeld, type ReadRow, writtenBack } from './written-back.ts'

export const checkThenAct: Detector = {
  id: 'check-then-act',
  level: 'warning',
  consequence:
    'Two requests at once both read the old state, both pass the check, and both write: sold twice, withdrawn twice, two accounts for one address. A transaction at the usual isolation does not prevent it.',
  check(look) {
    const byFunction = Map.groupBy(look.effects.in(look.module), ({ node }) => functionAround(node))
    for (const [fn, effects] of byFunction) {
      if (fn === undefined) continue
      for (const read of effects) {
        if (!isReadForUse(read)) continue
        const names = namesOfResult(read, fn)
        if (names.length > 0) inspectRead(look, fn, read, names, effects)
      }
    }
  },
}

function isReadForUse({ does, sql, module, node }: Effect): boolean {
  if (!READS.has(does)) return false
  if (sql !== undefined && /\bfor\s+(?:no\s+key\s+)?(?:update|share)\b/i.test(sql.text))
    return false
  return !/forUpdate|\block\s*[:(]|setLock|LOCK\.|pessimistic|serializable/i.test(
    module.source(node),
  )
}

/** What the result is called, and its first row: const [account] = rows, const user = result.rows[0]. */
function namesOfResult({ module, node }: Effect, fn: FunctionNode): readonly string[] {
  const taken = takenBy(node)
  if (taken === undefined) return []
  const names = namesIn(taken.id)
  const row = new RegExp(
    `^(?:${names.join('|').replaceAll('$', '\\$')})(?:\\??\\.rows)?(?:\\??\\.?\\[0\\]|\\.at\\(0\\)|\\.shift\\(\\)|\\.pop\\(\\))?[!?]?$`,
  )
  const later = module
    .all('VariableDeclarator')
    .filter((each) => each.start > node.end && isInside(each, fn) && each.init)
  return [
    ...names,
    ...later.flatMap(({ id, init }) => (init && row.test(module.source(init)) ? namesIn(id) : [])),
  ]
}

function inspectRead(
  look: Look,
  fn: FunctionNode,
  read: Effect,
  names: readonly string[],
  effects: readonly Effect[],
): void {
  if (
    /serializable|advisory|pg_advisory|withLock|acquireLock|redlock|\bmutex\b|\block\(|\.lock\(/i.test(
      look.module.source(fn),
    )
  )
    return
  const behind = effects.filter((each) => WRITES.has(each.does) && each.node.start > read.node.end)
  const later = behind.filter((each) => sameTable(each, read))
  for (const write of later) {
    const lost = lostUpdate(look, names, write)
    if (lost !== undefined) reportLost(look, read, write, lost)
    else if (isRacedInsert(look, fn, read, names, write)) reportInsert(look, read, write)
    else continue
    return
  }
  inspectWrittenBack(look, {
    module: look.module,
    fn,
    names,
    read,
    updates: behind.filter(
      (each) => isUpdate(each) && (later.includes(each) || sameStore(each, read)),
    ),
  })
}

function isUpdate({ does }: Effect): boolean {
  return does === 'update' || does === 'upsert'
}

function inspectWrittenBack(look: Look, row: ReadRow): void {
  const { read } = row
  const found = writtenBack(row)
  if (found === undefined || isRefusedWhenOld(look, read)) return
  look.report(found.write, {
    ...lostClaim(look, read, found.sum),
    message: `${read.table ?? 'The row'} is written back with ${shown(look.module, found.sum)}, from what was read on line ${look.module.place(read.node.start).line}.`,
    level: 'warning',
    trail: [...leadingTo(look, found.write), stepOf(read)],
  })
}

/** A library that counts versions refuses the second to save. */
function isRefusedWhenOld({ project, module }: Look, { table }: Effect): boolean {
  const counts = /optimisticConcurrency|\bversion:\s*true/
  return [module, ...project.modules].some(
    ({ text }) => counts.test(text) && (table === undefined || text.includes(table)),
  )
}

function sameTable(left: Effect, right: Effect): boolean {
  return left.table !== undefined && left.table === right.table && left.library === right.library
}

/** The repository by its name: this.offers.findOne(…), this.offers.update(…). */
function sameStore(left: Effect, right: Effect): boolean {
  return left.library === right.library && storeOf(left) === storeOf(right)
}

function storeOf({ module, node }: Effect): string | undefined {
  return /^([\w.#]+)\.\w+[(<]/.exec(module.source(node))?.[1]
}

/** set balance = (what was read) - amount, without saying in WHERE what it was. */
function lostUpdate({ module }: Look, names: readonly string[], write: Effect): Node | undefined {
  if (write.does !== 'update' && write.does !== 'upsert') return undefined
  const inside = (node: Node) => isInside(node, write.node)
  const sums = module
    .all('BinaryExpression')
    .filter(
      (each) =>
        (each.operator === '-' || each.operator === '+') &&
        (inside(each) || feeds(module, each, write)),
    )
  const found = sums.find((each) => readsField(each, names) && isAmount(module, each))
  if (
    found === undefined ||
    /version|where:\s*\{[^}]*(?:balance|stock|quantity|amount|count)|>=|\bgte\b/i.test(
      conditionsOf(module, write),
    )
  )
    return undefined
  return found
}

function conditionsOf(module: Module, { node }: Effect): string {
  return module.source(node)
}

/** const balance = account.balance - amount, and then { balance } in the write. */
function feeds(module: Module, sum: Node, write: Effect): boolean {
  const declarator = sum.parent
  if (!is(declarator, 'VariableDeclarator') || functionAround(sum) !== functionAround(write.node))
    return false
  const name = nameOf(declarator.id)
  return (
    name !== undefined &&
    sum.start < write.node.start &&
    new RegExp(`(?<![\\w$.])${name}(?![\\w$])`).test(module.source(write.node))
  )
}

function readsField(sum: NodeOf<'BinaryExpression'>, names: readonly string[]): boolean {
  return [sum.left, sum.right].some((side) => {
    let at = bare(side)
    if (is(at, 'CallExpression') && at.arguments.length === 1) at = bare(at.arguments[0] as Node)
    if (is(at, 'Identifier'))
      return (
        names.includes(at.name) &&
        /balance|stock|count|quantity|amount|credit|points|total|seats/i.test(at.name)
      )
    while (is(at, 'MemberExpression')) at = bare(at.object)
    return is(at, 'Identifier') && names.includes(at.name)
  })
}

const AMOUNT =
  /balance|stock|quantity|qty|amount|credits?|points?|seats?|inventory|available|remaining|usage|used|count|total|views|likes|score|tokens?|minutes/i

function isAmount(module: Module, sum: NodeOf<'BinaryExpression'>): boolean {
  const sides = [sum.left, sum.right].map((side) => {
    const at = bare(side)
    return is(at, 'MemberExpression') ? (memberName(at) ?? '') : module.source(at)
  })
  return (
    sides.some((text) => AMOUNT.test(text)) &&
    !sides.some((text) => /^['"`]|Date|getTime|position|index|order\b|version|length/i.test(text))
  )
}

function shown(module: Module, sum: Node): string {
  return module.source(sum).replaceAll(/\s+/g, ' ').slice(0, 60)
}

function lostClaim({ module }: Look, { table, library, node }: Effect, sum: Node): Claim {
  return {
    message: `${table} is written as ${shown(module, sum)}, from what was read on line ${module.place(node.start).line}.`,
    consequence:
      'Two requests at once read the same number and the second overwrites the first: one of the two changes is lost.',
    fix: `Let one statement check and change: ${library.says.guarded ?? 'UPDATE … SET x = x - n WHERE id = … AND x >= n'}`,
    confidence: 'high',
  }
}

function reportLost(look: Look, read: Effect, write: Effect, sum: Node): void {
  look.report(write.node, {
    ...lostClaim(look, read, sum),
    level: isSurelyLost(look, read, write, sum) ? 'error' : 'warning',
    trail: [...leadingTo(look, write.node), stepOf(read), stepOf(write)],
  })
}

const SCARCE = /balance|stock|quantity|qty|credits?$|seats?|inventory|available|remaining/i

/** What runs out goes back into the column that it was read from, and nothing holds the row meanwhile. */
function isSurelyLost({ module }: Look, { node, sql }: Effect, write: Effect, sum: Node): boolean {
  const fn = functionAround(node)
  const field = (module.source(sum).match(/\w+/g) ?? []).find((word) => SCARCE.test(word))
  if (field === undefined || fn === undefined) return false
  if (
    /for\s+update|pessimistic|isolation|concurrency|session|\w*lock\w*\(/i.test(module.source(fn))
  )
    return false
  const target = write.sql?.text ?? module.source(write.node)
  return (
    new RegExp(`\\b${field}["'\`\\]]?\\s*[=:,}]`).test(target) &&
    (sql === undefined || new RegExp(`\\b${field}\\b|\\*`).test(sql.text))
  )
}

/** if (existing) throw …; insert */
function isRacedInsert(
  look: Look,
  fn: FunctionNode,
  read: Effect,
  names: readonly string[],
  write: Effect,
): boolean {
  const { module } = look
  if (write.does !== 'insert' && !isSavedNew(look, fn, names, write)) return false
  if (
    /P2002|23505|unique|duplicate|ER_DUP|11000|already ?exists.*catch|onConflict|isolation/i.test(
      catchesOf(module, fn, write.node),
    )
  )
    return false
  const tests = module
    .all('IfStatement')
    .filter(
      (each) => isInside(each, fn) && functionAround(each) === fn && each.start > read.node.end,
    )
  return tests.some((each) => {
    const test = module.source(each.test)
    if (
      !new RegExp(
        `^\\(?!?\\s*\\(?(?:${names.join('|').replaceAll('$', '\\$')})\\b(?:\\??\\.length|\\??\\.rows|\\??\\.rowCount|\\[0\\])*\\s*(?:$|[!=><&|)])`,
      ).test(test)
    )
      return false
    const negated = test.startsWith('!') || /(?:===?|<)\s*(?:null|undefined|0|1)\b/.test(test)
    const inBranch = isInside(write.node, each.consequent)
    if (inBranch) return negated
    return !negated && each.end < write.node.start && leaves(each.consequent)
  })
}

/** users.save({ email }): an object that is made here, of a class that has nothing unique. */
function isSavedNew(
  { module, project }: Look,
  fn: FunctionNode,
  names: readonly string[],
  { verb, library, table }: Effect,
): boolean {
  const given = verb.args?.at(-1)
  if (library.id !== 'typeorm' || verb.name !== 'save' || given === undefined) return false
  const made = madeAt(module, given)
  if (
    made === undefined ||
    isHeld(module, fn) ||
    new RegExp(`\\b(?:id|${names.join('|')})\\b`).test(made)
  )
    return false
  return !project.modules.some((each) => isUniqueIn(each, table))
}

/** { … }, new User(…) and users.create({ … }), also through a constant. */
function madeAt(module: Module, node: Node): string | undefined {
  const at = bare(node)
  const declaration = is(at, 'Identifier') ? module.binding(at)?.declaration : undefined
  const made =
    is(declaration, 'VariableDeclarator') && declaration.init ? bare(declaration.init) : at
  const isMade =
    // What is spread into it may be a row that is there.
    (is(made, 'ObjectExpression') && !hasSpread(made)) ||
    is(made, 'NewExpression') ||
    (is(made, 'CallExpression') && calledName(made) === 'create')
  return isMade ? module.source(made) : undefined
}

function isUniqueIn(module: Module, table: string | undefined): boolean {
  return module
    .all('ClassDeclaration')
    .some(
      (each) =>
        each.id !== null &&
        each.id.name === table?.replace(/Repository$/, '') &&
        /\bunique\b/i.test(textWithDecorators(module, each)),
    )
}

function textWithDecorators(module: Module, node: NodeOf<'ClassDeclaration'>): string {
  return [...(node.decorators ?? []), node].map((each) => module.source(each)).join('\n')
}

function catchesOf(module: Module, fn: FunctionNode, node: Node): string {
  const tried = above(node, (each) => is(each, 'TryStatement'), fn)
  const handler = is(tried, 'TryStatement') ? tried.handler : undefined
  return handler ? module.source(handler) : ''
}

function reportInsert(look: Look, read: Effect, write: Effect): void {
  look.report(write.node, {
    message: `Inserts into ${write.table} because a look on line ${look.module.place(read.node.start).line} found nothing.`,
    fix: `Let the database decide: ${write.library.says.unique ?? 'a unique constraint, and its violation answered as a conflict'}`,
    confidence: 'medium',
    level: 'info',
    trail: [...leadingTo(look, write.node), stepOf(read), stepOf(write)],
  })
}
