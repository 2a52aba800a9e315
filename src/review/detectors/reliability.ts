import { type Effect, WRITES } from '../project/effects.ts'
import { type Step, stepOf } from '../project/functions.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  functionAround,
  is,
  isFunction,
  type Node,
  type NodeOf,
  nameOf,
  textOf,
} from '../syntax/node.ts'
import { isServing, leadingTo, namesIn, takenBy } from './common.ts'
import type { Detector, Look } from './detector.ts'

export const IDEMPOTENT = /idempoten/i
export const PAYS =
  /^(?:charges?|paymentIntents|payment_intents|payouts?|transfers?|refunds?|payments?|\w*transactions?|invoiceItems|\w*balance\w*|\w*orders?|capture\w*|sale)$/i

export const missingIdempotency: Detector = {
  id: 'missing-idempotency',
  level: 'warning',
  consequence:
    'A client, proxy or queue that repeats the request after a lost reply makes the customer pay twice.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      const what = paymentOf(look.module, effect)
      // Braintree takes no key; it looks for duplicates by itself.
      if (
        what === undefined ||
        mentionsKey(look, effect) ||
        /['"]braintree['"]/.test(look.module.text)
      )
        continue
      const trail = isServing(look, effect.node) ?? leadingTo(look, effect.node)
      look.report(effect.node, {
        message: `${what} without an idempotency key.`,
        fix:
          effect.library.kind === 'payment'
            ? 'stripe.paymentIntents.create(params, { idempotencyKey: `order-${order.id}` }) — a key that is the same when it is tried again'
            : "headers: { 'Idempotency-Key': orderId }, stored before the call is made",
        confidence: 'high',
        trail,
      })
    }
    for (const effect of look.effects.in(look.module)) inspectPaid(look, effect)
  },
}

const MONEY_TABLE = /^(?:charges?|payments?|payouts?|transfers?|refunds?|withdrawals?)$/i
const MONEY_ROUTE =
  /^POST \S*\/(?:charges?|payments?|payouts?|transfers?|refunds?|withdrawals?|pay)\/?\s/i
/** What finds the first attempt again: a key, a unique constraint, its violation. */
const FINDS_FIRST =
  /idempoten|on\s*conflict|onConflict|(?<!find)unique|upsert|duplicate|23505|P2002|dedup/i

/** POST /refunds inserts a refund: asked twice, it inserts two. */
function inspectPaid(look: Look, { does, table, module, node }: Effect): void {
  if (does !== 'insert' || !MONEY_TABLE.test(table ?? '')) return
  const trail = isServing(look, node)
  const route = trail?.[0]
  if (trail === undefined || route === undefined) return
  const label = mountedLabel(look, route)
  if (!MONEY_ROUTE.test(`${label} `)) return
  const texts = [module.source(functionAround(node) ?? node), route.module.source(route.node)]
  if (texts.some((text) => FINDS_FIRST.test(text))) return
  look.report(node, {
    message: `${label} inserts into ${table}, and nothing tells a repeated request from a new one.`,
    fix: 'Take an Idempotency-Key, store it in a unique column of the row that it makes, and answer a key that is there with that row',
    confidence: 'medium',
    trail,
  })
}

/** app.use('/payments', router) in front of router.post('/', pay). */
function mountedLabel({ project, values }: Look, { module, node, label }: Step): string {
  const callee = is(node, 'CallExpression') ? bare(node.callee) : undefined
  const router = is(callee, 'MemberExpression') ? values.of(module, callee.object) : undefined
  if (router?.kind !== 'result') return label
  for (const other of project.modules) {
    for (const call of other.all('CallExpression')) {
      const [path, mounted] = [textOf(call.arguments[0]), call.arguments.at(-1)]
      if (calledName(call) !== 'use' || path === undefined || mounted === undefined) continue
      const value = values.of(other, mounted)
      // module.exports = router stands for its file.
      const isSame =
        value?.kind === 'result'
          ? value.node === router.node
          : value?.kind === 'module' && value.module === module
      if (isSame) return below(path, label)
    }
  }
  return label
}

/** `POST / (Express)` below /payments */
function below(path: string, label: string): string {
  const [method, own = '', ...rest] = label.split(' ')
  return [method, `${path.replace(/\/$/, '')}${own === '/' ? '' : own}`, ...rest].join(' ')
}

function paymentOf(module: Module, { does, segments, verb, node }: Effect): string | undefined {
  if (
    does === 'pay' &&
    (verb.name === 'create' || verb.name === 'refund' || verb.name === 'sale')
  ) {
    const resource = segments.map(({ name }) => name).find((name) => PAYS.test(name))
    return resource && `${resource}.${verb.name}()`
  }
  if (does !== 'request') return undefined
  const isPost = verb.name === 'post' || /method:\s*['"]POST['"]/i.test(module.source(node))
  const url = verb.args?.[0] === undefined ? '' : module.source(verb.args[0])
  return isPost &&
    /\/(?:charges|payments|payouts|transfers|refunds|payment_intents)\b(?!\/\w*(?:search|list|webhook))/i.test(
      url,
    )
    ? 'A payment by POST'
    : undefined
}

function mentionsKey({ module }: Look, { node }: Effect): boolean {
  return IDEMPOTENT.test(module.source(functionAround(node) ?? node))
}

export const getThenSetIdempotency: Detector = {
  id: 'get-then-set-idempotency',
  level: 'error',
  consequence:
    'Two deliveries of the same message both find nothing, and both do the work: it is done twice exactly when it matters.',
  check(look) {
    for (const effect of look.effects.in(look.module))
      if (effect.does === 'cache-read') inspectGet(look, effect)
      else if (effect.does === 'read') inspectKeyRow(look, effect)
  },
}

const KEY_TABLE = /idempot|(?:^|_)processed(?:_|$)|dedup|^inbox(?:_|$)|^keys$/i

/** SELECT … FROM keys, the work, and then INSERT INTO keys. */
function inspectKeyRow(look: Look, { module, node, table, sql }: Effect): void {
  const fn = functionAround(node)
  if (!KEY_TABLE.test(table ?? '') || fn === undefined || takenBy(node) === undefined) return
  if (/\bfor\s+update\b/i.test(sql?.text ?? '')) return
  if (
    /23505|P2002|conflict[\w\s()]*do\s*nothing|(?<!find)unique|duplicate|advisory|serializable/i.test(
      module.source(fn),
    )
  )
    return
  const write = look.effects
    .within(module, fn)
    .find((each) => each.node.start > node.end && each.table === table && isLateClaim(each))
  if (write === undefined) return
  look.report(node, {
    message: `Whether the key was used is looked up here and written down on line ${module.place(write.node.start).line}; a second request in between does the work again.`,
    fix: 'Claim it first, in the transaction of the work: INSERT … ON CONFLICT (key) DO NOTHING, and answer from the stored reply where no row was inserted',
    confidence: 'medium',
    level: 'warning',
    trail: [...leadingTo(look, node), stepOf({ ...write })],
  })
}

function isLateClaim({ does, sql }: Effect): boolean {
  if (does === 'insert') return true
  return does === 'upsert' && sql !== undefined && !/do\s+nothing/i.test(sql.text)
}

const ONCE =
  /idempot|processed|\bseen|dedup|handled|already|(?<!b)lock|once|claimed|inflight|in_flight|running/i
/** By these names nothing else is meant. */
const SURELY_ONCE = /idempot|processed|dedup|claimed/i
/** How far somebody got, and how often: lastProcessedBlock. */
const PROGRESS =
  /last|latest|cursor|offset|height|block|count|total|number|size|stat(?:s|us)|progress/i

function inspectGet(look: Look, read: Effect): void {
  const { module, verb, node } = read
  const key = verb.args?.[0]
  const fn = functionAround(node)
  if (key === undefined || fn === undefined) return
  const taken = takenBy(node)
  const about = `${module.source(key)} ${taken === undefined ? '' : module.source(taken.id)} ${declarationText(module, key)}`
  if (
    !ONCE.test(about) ||
    /cache/i.test(about) ||
    /\.(?:eval|multi|watch)\(|NX|setnx|redlock/i.test(module.source(fn))
  )
    return
  const write = look.effects
    .in(module)
    .find(
      (each) =>
        each.does === 'cache-write' &&
        each.node.start > node.end &&
        functionAround(each.node) === fn &&
        sameKey(module, each, key),
    )
  if (write === undefined) return
  look.report(node, {
    message: `Whether it was done is looked up here and written down on line ${module.place(write.node.start).line}; between the two anybody passes.`,
    fix: "const first = await redis.set(key, '1', 'EX', 86_400, 'NX'); if (first === null) return — or a unique row in the transaction that does the work",
    confidence: SURELY_ONCE.test(about) ? 'high' : 'medium',
    level: isSurelyOnce(module, about, fn) ? 'error' : 'warning',
    trail: [...leadingTo(look, node), stepOf(read), stepOf(write)],
  })
}

/** In one process, or under a lock, nobody comes between. */
function isSurelyOnce(module: Module, about: string, fn: Node): boolean {
  return (
    SURELY_ONCE.test(about) &&
    !PROGRESS.test(about) &&
    !/lru-cache|node-cache/.test(module.text) &&
    !/lock|mutex/i.test(module.source(fn))
  )
}

function declarationText(module: Module, key: Node): string {
  const at = bare(key)
  const declaration = is(at, 'Identifier') ? module.binding(at)?.declaration : undefined
  return declaration === undefined ? '' : module.source(declaration)
}

function sameKey(module: Module, { verb }: Effect, key: Node): boolean {
  const other = verb.args?.[0]
  return (
    other !== undefined &&
    module.source(other).replaceAll(/\s/g, '') === module.source(key).replaceAll(/\s/g, '')
  )
}

export const outboxByTimestamp: Detector = {
  id: 'outbox-by-timestamp',
  level: 'error',
  consequence:
    'A transaction that began earlier and commits later writes behind the reader: its events are never sent.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      const { sql, table, does, node } = effect
      if (does !== 'read' || !/outbox|^events?$|event_?log|domain_?events?/i.test(table ?? ''))
        continue
      const text = sql?.text ?? look.module.source(node)
      const byTime =
        sql === undefined
          ? /(?:createdAt|created_at|timestamp|occurred\w*)['"]?\s*(?::\s*\{\s*gte?\b|,\s*['"]>=?['"]|:\s*MoreThan)/i
          : /\b(?:created_at|"createdAt"|timestamp|occurred_at|inserted_at)\s*>=?\s*/i
      const byNumber =
        /outbox|event_?log|domain_?events?|event_?store/i.test(table ?? '') &&
        /\b(?:id|seq\w*|position)\s*>\s*\$\d/i.test(sql?.text ?? '') &&
        !/xmin|snapshot|watermark|xid/i.test(text)
      if (
        !(byTime.test(text) || byNumber) ||
        /skip\s+locked/i.test(text) ||
        /processed|published|sent_at|status|delivered|user_?id|tenant|calendar|start/i.test(text)
      )
        continue
      look.report(node, {
        level: isSurelyOutbox(look, effect) ? 'error' : 'warning',
        message: byNumber
          ? 'Events are read by the number behind the last one, and numbers are drawn before the commit.'
          : `Events are read by what was made after the last one's time.`,
        fix: 'Mark what was sent (published_at IS NULL … FOR UPDATE SKIP LOCKED), or read a log up to a watermark below which no writer is open.',
        confidence: 'medium',
        trail: leadingTo(look, node),
      })
    }
  },
}

/** Events may also be those of a calendar, or what a page counts; and what was sent may be deleted. */
function isSurelyOutbox(look: Look, { table, module, does, node }: Effect): boolean {
  const isSent = look.effects
    .in(module)
    .some((each) => each.table === table && (each.does === 'delete' || each.does === 'update'))
  return (
    does === 'read' &&
    /outbox|event_?store|domain_?events?/i.test(table ?? '') &&
    !isSent &&
    isServing(look, node) === undefined
  )
}

export const skipLockedMissing: Detector = {
  id: 'skip-locked-missing',
  level: 'warning',
  consequence: 'All workers wait for the same row: ten of them do the work of one.',
  check(look) {
    for (const { sql, node, table } of look.effects.in(look.module)) {
      if (
        sql === undefined ||
        !/\bfor\s+update\b(?!\s+(?:of\s+\w+\s+)?(?:skip|nowait))/i.test(sql.text)
      )
        continue
      if (
        !/\blimit\b/i.test(sql.text) ||
        !/jobs?|queue|tasks?|outbox|messages?|deliver/i.test(table ?? '') ||
        /\bwhere\s+id\s*=/i.test(sql.text)
      )
        continue
      look.report(node, {
        message: `Workers take rows of ${table} one after the other: FOR UPDATE without SKIP LOCKED.`,
        fix: 'SELECT … ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED',
        confidence: 'high',
        trail: leadingTo(look, node),
      })
    }
  },
}

export const cacheWithoutInvalidation: Detector = {
  id: 'cache-without-invalidation',
  level: 'warning',
  consequence:
    'What was cached first is shown for ever, or until somebody restarts: old prices, old rights.',
  checkTree(look) {
    const effects = look.modules
      .flatMap((module) => look.effects.in(module))
      .filter(({ library }) => library.id === 'ioredis')
    const removed = effects
      .filter(({ does }) => does === 'cache-delete')
      .flatMap((each) => keyPrefix(each) ?? '*')
    for (const effect of effects) {
      const prefix = keyPrefix(effect)
      if (
        effect.does !== 'cache-write' ||
        effect.verb.name !== 'set' ||
        prefix === undefined ||
        prefix === '' ||
        hasEnd(effect)
      )
        continue
      if (removed.some((each) => each === prefix || each === '*') || !isOfDatabase(look, effect))
        continue
      look.reportIn(effect.module, effect.node, {
        message: `${prefix}… is cached without an end, and nothing removes it.`,
        fix: "redis.set(key, value, 'EX', 300), and redis.del(key) where the row is written",
        confidence: 'medium',
      })
    }
  },
}

function keyPrefix({ module, verb }: Effect): string | undefined {
  const key = verb.args?.[0] && bare(verb.args[0])
  if (key === undefined) return undefined
  if (is(key, 'TemplateLiteral')) return key.quasis[0]?.value.raw
  if (is(key, 'BinaryExpression')) return textOf(key.left)
  if (is(key, 'Identifier')) {
    const declaration = module.binding(key)?.declaration
    const init = is(declaration, 'VariableDeclarator') ? declaration.init : undefined
    return init && is(bare(init), 'TemplateLiteral')
      ? (bare(init) as NodeOf<'TemplateLiteral'>).quasis[0]?.value.raw
      : textOf(init)
  }
  return textOf(key)
}

function hasEnd({ verb, module }: Effect): boolean {
  const args = verb.args ?? []
  return args.length !== 2 || args.slice(2).some((each) => /EX|PX|ttl/i.test(module.source(each)))
}

/** Something that was read from the database is kept: a flag or a counter has its own life. */
function isOfDatabase(
  { effects }: { effects: Look['effects'] },
  { module, node }: Effect,
): boolean {
  const fn = functionAround(node)
  return (
    fn !== undefined &&
    /stringify/.test(module.source(node)) &&
    effects.within(module, fn).some(({ does }) => does === 'read')
  )
}

export const cronOnEveryNode: Detector = {
  id: 'cron-on-every-node',
  level: 'info',
  consequence:
    'With two processes every run happens twice: two reports, two reminders, two charges.',
  check(look) {
    for (const call of look.module.all('CallExpression')) {
      if (!isSchedule(look, call)) continue
      const callback = call.arguments.map(bare).find(isFunction)
      if (
        callback === undefined ||
        /lock|leader|advisory|acquire|NX\b|isPrimary|cluster|on conflict/i.test(
          look.module.source(callback),
        )
      )
        continue
      const writes = look.functions.reach(
        look.module,
        callback,
        ({ does }) => WRITES.has(does) || does === 'mail' || does === 'pay' || does === 'publish',
        2,
      )
      if (writes === undefined) continue
      look.report(call, {
        message: 'A schedule in the process: it runs once on each node.',
        fix: 'A schedule that a database or queue keeps (a run unique by its due time), or an advisory lock around the work',
        confidence: 'low',
        trail: writes,
      })
    }
  },
}

function isSchedule({ values, module }: Look, call: CallNode): boolean {
  const value = values.of(module, call.callee)
  const source = value?.kind === 'outside' ? value.source : ''
  return (
    /^(?:node-cron|cron|node-schedule|croner|toad-scheduler)$/.test(source) &&
    /^(?:schedule|scheduleJob)$/.test(calledName(call) ?? '')
  )
}

export const inMemoryState: Detector = {
  id: 'in-memory-state',
  level: 'info',
  consequence:
    'Two processes each have their own: a login that works on one is unknown to the other, limits double, a deploy forgets all.',
  check(look) {
    for (const declarator of look.module.all('VariableDeclarator')) {
      if (
        declarator.init === null ||
        declarator.init === undefined ||
        !isKeptState(look.module, declarator)
      )
        continue
      const init = bare(declarator.init)
      const [name] = namesIn(declarator.id)
      const isStore =
        (is(init, 'NewExpression') &&
          nameOf(init.callee) === 'Map' &&
          init.arguments.length === 0) ||
        (is(init, 'ObjectExpression') && init.properties.length === 0)
      if (
        !isStore ||
        name === undefined ||
        !/sessions?$|loginAttempts|rateLimits?|refreshTokens|otpStore|resetTokens|hits$|carts$|drafts$|verificationCodes|requestCounts?/i.test(
          name,
        ) ||
        !isWritten(look, declarator, name)
      )
        continue
      look.report(declarator, {
        message: `${name} lives in the memory of one process.`,
        fix: 'A table, or Redis with an end for each key',
        confidence: 'medium',
      })
    }
  },
}

/** Of the module, or of a factory whose functions share it. */
function isKeptState(module: Module, declarator: NodeOf<'VariableDeclarator'>): boolean {
  const around = functionAround(declarator)
  if (around === undefined) return true
  const { id } = declarator
  const binding = is(id, 'Identifier') ? module.scopes.find(id, id.name) : undefined
  const uses = binding === undefined ? [] : module.references(binding).filter((use) => use !== id)
  return uses.length > 0 && uses.every((use) => functionAround(use) !== around)
}

function isWritten(look: Look, declarator: Node, name: string): boolean {
  const writes = new RegExp(`\\b${name}(?:\\.set\\(|\\[[^\\]]+\\]\\s*=(?!=))`).exec(
    look.module.text,
  )
  return writes !== null && writes.index > declarator.end
}
