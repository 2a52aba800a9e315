/** What must not, and what must, stand inside of a transaction. */
import { chainOf } from '../project/chain.ts'
import { type Effect, OUTSIDE, WRITES } from '../project/effects.ts'
import { stepOf, type Target } from '../project/functions.ts'
import type { TransactionRegion } from '../project/regions.ts'
import { isInMigrations } from '../sql/migration.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  bare,
  type CallNode,
  calledName,
  classAround,
  functionAround,
  is,
  isFunction,
  isInside,
  type Node,
  outside,
  parameterOf,
  typeOf,
} from '../syntax/node.ts'
import {
  conditionsAbove,
  isServing,
  isTaken,
  leadingTo,
  mayLeaveBefore,
  namesIn,
  runsWith,
} from './common.ts'
import type { Detector, Look } from './detector.ts'

/** Work that waits until the transaction is over, by its name. */
const LATER =
  /^(?:afterCommit|onCommit|onTransactionCommitted|setImmediate|setTimeout|nextTick|queueMicrotask|defer|after|addCommitHook|runOnTransactionCommit|runAfterCommit|then)$/

export const externalCallInTransaction: Detector = {
  id: 'external-call-in-transaction',
  level: 'error',
  consequence:
    'Row locks and a connection are held for as long as the other server takes; when it is slow, the pool is empty. A rollback does not take the call back.',
  check(look) {
    for (const region of look.regions.transactions(look.module)) inspect(look, region)
  },
}

function inspect(look: Look, region: TransactionRegion): void {
  const isOutside = (effect: Effect) => OUTSIDE.has(effect.does) && !isLocal(effect)
  const isIn = (node: Node) => !isLater(node, region) && !isRolledBack(look, node, region)
  for (const effect of inRegion(look, region)) {
    if (isOutside(effect) && isIn(effect.node)) report(look, effect.node, region, [], effect)
  }
  for (const call of callsIn(look, region)) {
    const target = look.functions.target({ module: look.module, node: call })
    if (target === undefined || !isIn(call) || isWithin(look, target, region)) continue
    const steps = look.functions.reach(
      target.module,
      target.node,
      (effect) => isOutside(effect) && isDirect(effect),
      1,
    )
    const last = steps?.at(-1)
    if (steps === undefined || last === undefined) continue
    const effect = look.effects
      .within(last.module, last.node)
      .find(({ node }) => node === last.node)
    if (effect !== undefined) report(look, call, region, steps, effect)
  }
}

/** What it calls stands in the same region, and is told of there. */
function isWithin(look: Look, target: Target, { start, end }: TransactionRegion): boolean {
  return target.module === look.module && target.node.start > start && target.node.end < end
}

/** Runs whenever its function does: no condition stands above it. */
function isDirect({ node }: Effect): boolean {
  return conditionsAbove(node, functionAround(node)).length === 0
}

/** A client with this name that never leaves the process, or a part of one: search.index('shops'). */
function isLocal({ module, node, handle, does, library, verb }: Effect): boolean {
  if (library.id === 'search' && verb.name === 'index')
    return verb.args?.[0] === undefined || !is(bare(verb.args[0]), 'ObjectExpression')
  return handle.guessed && does === 'request'
    ? /cache|map|headers|params|store/i.test(module.source(node).slice(0, 40))
    : false
}

function report(
  look: Look,
  node: Node,
  region: TransactionRegion,
  steps: readonly ReturnType<typeof stepOf>[],
  effect: Effect,
): void {
  const isSteady = steps.every(
    (step) => conditionsAbove(step.node, functionAround(step.node)).length === 0,
  )
  const isSure =
    isSteady &&
    steps.length <= SEEN_STEPS &&
    isHeld(look, region) &&
    isWaitedFor(look.module, node, functionOf(region)) &&
    isWaitedForIn(look, node, steps)
  const where = `the transaction opened on line ${look.module.place(region.opening.start).line}`
  const called = `${calledName(node) ?? effect.library.title}()`
  const isLeft = !isTaken(node) || isLeftOnTheWay(steps)
  look.report(node, {
    message: isLeft
      ? `${called} starts a call of ${effect.library.title} in ${where}, and nobody waits for it.`
      : `${called} calls ${effect.library.title} inside ${where}.`,
    ...(isLeft
      ? {
          consequence:
            'It goes out whether the transaction is committed or rolled back, and maybe before: the other side hears of rows that nobody else sees yet, or ever.',
        }
      : {}),
    fix: `Commit first, then call; or write down what is to be done in the same transaction and let a worker do it.${transactionOf(region)}`,
    confidence: isSure ? 'high' : 'medium',
    // Three functions away, under a condition of one of them, it may well never happen here.
    level: isSure
      ? 'error'
      : (!isSteady && steps.length > NEAR_STEPS) || (isLeft && steps.length > 0)
        ? 'info'
        : 'warning',
    trail: [
      ...leadingTo(look, node),
      { module: look.module, node: region.opening, label: 'transaction' },
      ...steps,
    ],
  })
}

/** A function between this one and the call: more, under a condition, and it may well never happen. */
const NEAR_STEPS = 2
/** Where nothing decides on the way: a client, its request, and what tries it again. */
const SEEN_STEPS = 4

/** void this.send(): whoever calls it is back at once. */
function isLeftOnTheWay(steps: readonly ReturnType<typeof stepOf>[]): boolean {
  return steps.some(({ node }) => !isTaken(node))
}

function functionOf({ callback, opening }: TransactionRegion): Node | undefined {
  return callback ?? functionAround(opening)
}

/** While it takes, the transaction stays open: it is neither kept for later nor left to itself. */
function isWaitedFor(module: Module, node: Node, outer: Node | undefined): boolean {
  return runsWith(module, node, outer) && isTaken(node)
}

/** In each of the functions between as well, from which none may have returned before. */
function isWaitedForIn(
  look: Look,
  call: Node,
  steps: readonly ReturnType<typeof stepOf>[],
): boolean {
  let from = { module: look.module, node: call }
  for (const { module, node } of steps) {
    const target = look.functions.target(from as { module: typeof module; node: CallNode })
    if (!isWaitedFor(module, node, target?.node) || mayLeaveBefore(module, node)) return false
    from = { module, node }
  }
  return true
}

/** Something is written in it: a function may be called transaction() for other reasons. */
function isHeld(look: Look, region: TransactionRegion): boolean {
  return region.callback === undefined || isWriting(look, region) || isHandedOn(look, region)
}

/** create(row, trx) */
function isHandedOn(look: Look, region: TransactionRegion): boolean {
  const names = (region.callback?.params ?? []).slice(0, 1).flatMap((each) => namesIn(each))
  return callsIn(look, region).some((call) =>
    call.arguments.some((each) =>
      (look.module.source(each).match(/[\w$]+/g) ?? []).some((word) => names.includes(word)),
    ),
  )
}

/** Behind the rollback of the same branch. */
function isRolledBack(look: Look, node: Node, { start }: TransactionRegion): boolean {
  return look.effects.in(look.module).some(
    (effect) =>
      effect.does === 'rollback' &&
      effect.node.start > start &&
      effect.node.end < node.start &&
      isInside(
        node,
        above(effect.node, (each) => is(each, 'BlockStatement')),
      ),
  )
}

function transactionOf({ effect }: TransactionRegion): string {
  const says = effect?.library.says.transaction
  return says === undefined ? '' : `\n${says}\nawait call(…) // behind it`
}

function inRegion(look: Look, { start, end }: TransactionRegion): readonly Effect[] {
  return look.effects.in(look.module).filter(({ node }) => node.start >= start && node.end <= end)
}

function callsIn(look: Look, { start, end, callback, opening }: TransactionRegion) {
  const outer = callback ?? functionAround(opening)
  if (outer === undefined) return []
  return look.functions
    .callsWithin(look.module, outer)
    .filter((call) => call.start >= start && call.end <= end)
}

function isLater(node: Node, { callback, start }: TransactionRegion): boolean {
  const handed = above(
    node,
    (each) =>
      isFunction(each) &&
      each !== callback &&
      each.start > start &&
      LATER.test(handedTo(each) ?? ''),
  )
  return handed !== undefined && handed.start > start
}

function handedTo(fn: Node): string | undefined {
  const call = outside(fn)
  return is(call, 'CallExpression') ? calledName(call) : undefined
}

export const publishBeforeCommit: Detector = {
  id: 'publish-before-commit',
  level: 'error',
  consequence:
    'A worker sees the message before the rows are there, or for rows that were rolled back and never will be.',
  check(look) {
    for (const region of look.regions.transactions(look.module)) {
      if (!isWriting(look, region)) continue
      for (const effect of inRegion(look, region)) {
        if (effect.does !== 'publish' || isLater(effect.node, region) || isOutboxLike(look, effect))
          continue
        if (isRolledBack(look, effect.node, region) || isNoMessage(look, effect)) continue
        const isSure =
          runsWith(look.module, effect.node, functionOf(region)) && isMessage(look, effect)
        look.report(effect.node, {
          level: isSure ? 'error' : 'warning',
          message: `Hands work to ${effect.library.title} before the transaction opened on line ${look.module.place(region.opening.start).line} has committed.`,
          fix: 'Write the message into an outbox table in this transaction and publish it from there, or publish behind the commit and look for what was lost.',
          confidence: 'high',
          trail: leadingTo(look, effect.node),
        })
      }
    }
  },
}

/** What a client of a queue sends may also be a question about it, or the end of a message. */
function isNoMessage({ module }: Look, { node }: Effect): boolean {
  const command = /\bnew\s+(\w+)Command\(/.exec(module.source(node))?.[1]
  return command !== undefined && !/send|publish/i.test(command)
}

/** What emits may be an emitter in the process, and a list of Redis anything; what is delayed comes behind. */
function isMessage({ module }: Look, { node, verb }: Effect): boolean {
  const source = module.source(node).replaceAll(/backoff['"]?\s*:\s*\{[^}]*\}/g, '')
  if (verb.name === 'emit' || /\bdelay\b|startAfter/i.test(source)) return false
  return !/^[lr]push$/.test(verb.name) || /queue|job|task|worker/i.test(source)
}

/** By itself, or by what it calls: what only reads leaves nothing that is not there yet. */
function isWriting(look: Look, region: TransactionRegion): boolean {
  const isWrite = ({ does }: Effect) => WRITES.has(does) || does === 'sql'
  return (
    inRegion(look, region).some(isWrite) ||
    callsIn(look, region).some((node) => {
      const target = look.functions.target({ module: look.module, node })
      return (
        target !== undefined &&
        look.functions.reach(target.module, target.node, isWrite, 3) !== undefined
      )
    })
  )
}

/** pg-boss and the like can write into the same transaction. */
function isOutboxLike({ module }: Look, { node }: Effect): boolean {
  return /\bdb\s*:|\btx\b|\btrx\b|transaction\b/.test(module.source(node))
}

export const publishAfterCommit: Detector = {
  id: 'publish-after-commit',
  level: 'info',
  consequence:
    'A crash, a deploy or a broker that is away between the two leaves rows that nobody hears of, and nothing tells which.',
  check(look) {
    for (const region of look.regions.transactions(look.module)) {
      const fn = functionAround(region.opening)
      const writes = inRegion(look, region).some(({ does }) => WRITES.has(does))
      if (fn !== undefined && writes) inspectBehind(look, region, fn)
    }
  },
}

function inspectBehind(look: Look, { opening, end }: TransactionRegion, fn: Node): void {
  if (/outbox/i.test(look.module.source(fn))) return
  const effect = look.effects
    .within(look.module, fn)
    .find(
      ({ does, library, node }) =>
        does === 'publish' &&
        library.kind === 'message' &&
        node.start > Math.max(end, opening.end) &&
        functionAround(node) === fn,
    )
  if (effect === undefined) return
  look.report(effect.node, {
    message: `What the transaction of line ${look.module.place(opening.start).line} has written is handed to ${effect.library.title} behind its commit.`,
    fix: 'Write the message into an outbox table in this transaction, and let a worker move it; or let a job look for rows that were never told.',
    confidence: 'medium',
    trail: leadingTo(look, effect.node),
  })
}

export const missingTransaction: Detector = {
  id: 'missing-transaction',
  level: 'warning',
  consequence:
    'A crash, a timeout or an error between the two writes leaves the first without the second, and nobody notices until the sums differ.',
  check(look) {
    const { path } = look.module
    if (/migrat|seed|script|test/i.test(path) || isInMigrations(path)) return
    const byFunction = Map.groupBy(look.effects.in(look.module).filter(isOwnWrite), ({ node }) =>
      functionAround(node),
    )
    for (const [fn, writes] of byFunction) {
      if (fn !== undefined && !isGuarded(look, fn)) inspectWrites(look, fn, writes)
    }
  },
}

function isOwnWrite({ does, handle, library, table }: Effect): boolean {
  return (
    WRITES.has(does) && library.kind === 'database' && !handle.isTransaction && table !== undefined
  )
}

function isGuarded({ module, regions }: Look, fn: Node): boolean {
  const source = module.source(fn)
  return (
    regions.around(module, fn) !== undefined ||
    /transactor/i.test(classAround(fn)?.id?.name ?? '') ||
    regions.transactions(module).some(({ opening }) => isInside(opening, fn)) ||
    /\b(?:transaction|trx|tx|session|queryRunner|manager|transacting|\$transaction|ctx\.db|txn?)\b|[tT]ransaction(?:al)?\b|\btx[A-Z]?\w*\(|\bBEGIN\b/.test(
      source,
    )
  )
}

function inspectWrites(look: Look, fn: Node, writes: readonly Effect[]): void {
  for (const [index, second] of writes.entries()) {
    const before = writes.slice(0, index).find((each) => follows(each, second))
    if (before === undefined || isLog(second) || isLog(before)) continue
    if (isInsideCatch(second.node, fn) || isInsideCatch(before.node, fn)) continue
    look.report(second.node, {
      message: `${second.does} ${second.table} follows ${before.does} ${before.table} (line ${look.module.place(before.node.start).line}) without a transaction around both.`,
      fix: second.library.says.transaction ?? 'Put both into one transaction.',
      confidence: 'medium',
      level: isUrgent(look, before, second) ? 'warning' : 'info',
      trail: [...leadingTo(look, second.node), stepOf(before), stepOf(second)],
    })
    return
  }
}

/**
 * Nobody sends a request again, where a job or an import runs until it is through, and what is
 * upserted twice stands there once.
 */
function isUrgent(look: Look, first: Effect, second: Effect): boolean {
  if (isHandedIn(look, second)) return false
  if (isMove(first, second)) return true
  // Without the first, the second would mean nothing: orders and their items, teams and their members.
  if (first.does !== 'insert' || second.does !== 'insert') return false
  const trail = isServing(look, second.node)
  const steps = trail?.flatMap(({ module, label }) => [module.path, label]) ?? []
  const ways = [look.module.path, ...steps]
  return trail !== undefined && !ways.some((way) => REPEATED.test(way))
}

const REPEATED = /cron|\bjobs?\b|queue|worker|import|sync|webhook|startup/i

/** What a caller hands in may be his transaction; a pool never is. */
function isHandedIn({ module }: Look, { node }: Effect): boolean {
  const root = chainOf(node)[0]?.node
  const binding = is(root, 'Identifier') ? module.binding(root) : undefined
  const type = binding && typeOf(parameterOf(binding.declaration))?.name
  return binding?.kind === 'parameter' && !/Pool|Client$/.test(type ?? '')
}

/** One after the other on the same way through the function: two tables, or from one row to another. */
function follows(first: Effect, second: Effect): boolean {
  if (first.library !== second.library) return false
  if (sameTable(first, second) && !isMove(first, second)) return false
  if (first.handle.guessed !== second.handle.guessed) return false
  return (
    isAwaitedHere(first.node) && isAwaitedHere(second.node) && !areApart(first.node, second.node)
  )
}

/** mediaProgresses of a query is MediaProgress of a model. */
function sameTable(first: Effect, second: Effect): boolean {
  const [left, right] = [first, second].map(({ table = '' }) =>
    table
      .toLowerCase()
      .replaceAll('_', '')
      .replace(/(?:e?s)+$/, ''),
  )
  return left === right
}

/** What one row loses, another gets: balance = balance - $1, and then + $1. */
function isMove(first: Effect, second: Effect): boolean {
  const directions = [directionOf(first), directionOf(second)]
  return directions.includes('less') && directions.includes('more')
}

function directionOf({ does, module, node, sql }: Effect): 'less' | 'more' | undefined {
  if (does !== 'update') return undefined
  const text = sql?.text ?? module.source(node)
  const isLess = /\b(\w+)\s*=\s*\1\s*-|\bdecrement\b/.test(text)
  const isMore = /\b(\w+)\s*=\s*\1\s*\+|\bincrement\b/.test(text)
  return isLess === isMore ? undefined : isLess ? 'less' : 'more'
}

function isAwaitedHere(node: Node): boolean {
  const parent = outside(node)
  return is(parent, 'AwaitExpression') || (is(parent, 'ReturnStatement') && parent !== undefined)
}

function areApart(first: Node, second: Node): boolean {
  for (let at: Node | undefined = first; at?.parent !== undefined; at = at.parent) {
    const { parent } = at
    if (isInside(second, parent)) {
      if (
        is(parent, 'IfStatement') ||
        is(parent, 'ConditionalExpression') ||
        is(parent, 'SwitchCase') ||
        parent.type === 'SwitchStatement'
      )
        return true
      return false
    }
    if (is(parent, 'IfStatement') && leavesBranch(at)) return true
    if (is(parent, 'SwitchCase')) return true
  }
  return false
}

function leavesBranch(branch: Node): boolean {
  const last = is(branch, 'BlockStatement') ? branch.body.at(-1) : branch
  return last?.type === 'ReturnStatement' || last?.type === 'ThrowStatement'
}

function isInsideCatch(node: Node, end: Node): boolean {
  return above(node, (each) => each.type === 'CatchClause', end) !== undefined
}

function isLog({ table }: Effect): boolean {
  return /log|audit|event|history|metric|activit|notification|session|cache|stat|token|otp|nonce/i.test(
    table ?? '',
  )
}

export const notifyInTransaction: Detector = {
  id: 'notify-in-transaction',
  level: 'info',
  consequence:
    'A notification takes one lock for the whole server at commit: writers wait for each other, at sixteen connections for almost half of the throughput.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      if (effect.sql === undefined || !/^\s*notify\s+\w|\bpg_notify\s*\(/i.test(effect.sql.text))
        continue
      if (
        look.regions.around(look.module, effect.node) === undefined &&
        !effect.handle.isTransaction
      )
        continue
      look.report(effect.node, {
        message: 'Notifies listeners inside of a transaction.',
        fix: 'Send one notification for many commits, outside of them; keep polling as the way that always works.',
        confidence: 'high',
        trail: [],
      })
    }
  },
}
