/** Doing it again, doing it once, and remembering it. */
import { chainOf } from '../project/chain.ts'
import { type Effect, WRITES } from '../project/effects.ts'
import { stepOf } from '../project/functions.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  bare,
  type CallNode,
  calledName,
  dotted,
  functionAround,
  is,
  isFunction,
  isInside,
  type Node,
  type NodeOf,
  nameOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { isServing, leadingTo, namesIn, objectOf, takenBy } from './common.ts'
import type { Detector, Look } from './detector.ts'

const IDEMPOTENT = /idempoten/i
const PAYS =
  /charges?|paymentIntents|payment_intents|payouts?|transfers?|refunds?|payments?|transaction|invoiceItems|balance|orders?$|capture|sale/i

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
  },
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
  },
}

const ONCE =
  /idempot|processed|\bseen|dedup|handled|already|lock|once|claimed|inflight|in_flight|running/i

function inspectGet(look: Look, read: Effect): void {
  const { module, verb, node } = read
  const key = verb.args?.[0]
  const fn = functionAround(node)
  if (key === undefined || fn === undefined) return
  const taken = takenBy(node)
  const about = `${module.source(key)} ${taken === undefined ? '' : module.source(taken.id)} ${declarationText(module, key)}`
  if (!ONCE.test(about) || /\.(?:eval|multi|watch)\(|NX|setnx|redlock/i.test(module.source(fn)))
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
    confidence: 'high',
    trail: [...leadingTo(look, node), stepOf(read), stepOf(write)],
  })
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
      if (
        !byTime.test(text) ||
        /processed|published|sent_at|status|delivered|user_?id|tenant|calendar|start/i.test(text)
      )
        continue
      look.report(node, {
        message: `Events are read by what was made after the last one's time.`,
        fix: 'Mark what was sent (published_at IS NULL … FOR UPDATE SKIP LOCKED), or read a log up to a watermark below which no writer is open.',
        confidence: 'medium',
        trail: leadingTo(look, node),
      })
    }
  },
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
        /lock|leader|advisory|acquire|NX\b|isPrimary|cluster/i.test(look.module.source(callback))
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

export const retryWithoutBackoff: Detector = {
  id: 'retry-without-backoff',
  level: 'warning',
  consequence:
    'A service that stumbles is hit several times as hard by everybody at once, and does not get up.',
  check(look) {
    for (const kind of ['ForStatement', 'WhileStatement', 'DoWhileStatement'] as const) {
      for (const loop of look.module.all(kind)) inspectLoop(look, loop)
    }
  },
}

const WAITS = /sleep|delay|(?<!a)wait|setTimeout|backoff|pause|timers|jitter/i

function inspectLoop(look: Look, loop: Node & { body: Node }): void {
  const source = look.module.source(loop)
  // What stands around the body: the head, or the condition behind it.
  const head = `${look.module.text.slice(loop.start, loop.body.start)} ${look.module.text.slice(loop.body.end, loop.end)}`
  if (!/retr|attempt|tries|tr(?:y|ies)\b/i.test(head) || WAITS.test(source)) return
  const tried = look.module
    .all('TryStatement')
    .find(
      (each) =>
        isInside(each, loop.body) &&
        each.handler !== null &&
        above(each, (node) => /For|While/.test(node.type)) === loop,
    )
  if (tried === undefined) return
  const call = look.functions.reach(
    look.module,
    tried.block,
    ({ does }) => ['request', 'pay', 'mail', 'store', 'publish'].includes(does),
    2,
  )
  if (call === undefined) return
  look.report(loop, {
    message: `${call.at(-1)?.label ?? 'A call'} is tried again at once, without a pause.`,
    fix: 'await setTimeout(Math.random() * Math.min(10_000, 200 * 2 ** attempt)), for transient failures only, three to five times',
    confidence: 'high',
    trail: [...leadingTo(look, loop), ...call],
  })
}

const RETRY_CALL =
  /^(?:retry|withRetry|withRetries|pRetry|asyncRetry|backOff|retryAsync|retryable|attempt)$/i

function retryCalls(module: Module): readonly { call: CallNode; work: Node }[] {
  return module.all('CallExpression').flatMap((call) => {
    const name = calledName(call) ?? ''
    const work = call.arguments.map(bare).find(isFunction)
    const isRetry =
      RETRY_CALL.test(name) || (name === 'execute' && /retry/i.test(dotted(call.callee) ?? ''))
    return isRetry && work !== undefined ? [{ call, work }] : []
  })
}

export const retryNonIdempotent: Detector = {
  id: 'retry-non-idempotent',
  level: 'error',
  consequence:
    'The first try may have worked and only its reply was lost: the second one pays, ships or mails again.',
  check(look) {
    for (const { call, work } of retryCalls(look.module)) {
      const effect = look.effects
        .within(look.module, work)
        .find((each) => isOneTime(look.module, each))
      if (effect === undefined || IDEMPOTENT.test(look.module.source(call))) continue
      look.report(call, {
        message: `${stepOf(effect).label} is tried again without a key that makes it one.`,
        fix: "Send an idempotency key that is the same for every try, made before the first: { idempotencyKey: `order-${id}` } or the header 'Idempotency-Key'",
        confidence: 'high',
        trail: [...leadingTo(look, call), stepOf(effect)],
      })
    }
    for (const call of look.module.all('CallExpression')) inspectAxiosRetry(look, call)
  },
}

function isOneTime(module: Module, { does, verb, node, segments }: Effect): boolean {
  if (does === 'mail') return true
  if (does === 'pay') {
    return (
      /^(?:create|capture|refund|sale)$/.test(verb.name) &&
      segments.some(({ name }) => PAYS.test(name))
    )
  }
  return (
    does === 'request' &&
    (verb.name === 'post' || /method:\s*['"]POST['"]/i.test(module.source(node))) &&
    !/search|query|graphql|token|oauth/i.test(module.source(node))
  )
}

/** axiosRetry(client, { retryCondition: () => true }) */
function inspectAxiosRetry(look: Look, call: CallNode): void {
  const value = look.values.of(look.module, call.callee)
  if (value?.kind !== 'outside' || value.source !== 'axios-retry') return
  const options = call.arguments[1] && objectOf(look.module, call.arguments[1])
  const condition = propertyOf(options, 'retryCondition')
  if (condition === undefined || !/^\(?\w*\)?\s*=>\s*true$/.test(look.module.source(condition)))
    return
  look.report(call, {
    message: 'Every failed request is sent again, POST too.',
    fix: 'retryCondition: axiosRetry.isNetworkOrIdempotentRequestError',
    confidence: 'high',
  })
}

export const retryTwoLayers: Detector = {
  id: 'retry-two-layers',
  level: 'warning',
  consequence:
    'Three tries of three tries are nine requests to a service that is already failing, and the caller has long gone.',
  check(look) {
    for (const { call, work } of retryCalls(look.module)) {
      const inner = retryCalls(look.module).find(
        (each) => each.call !== call && isInside(each.call, work),
      )
      const wrapped =
        inner ??
        look.functions
          .callsWithin(look.module, work)
          .map((node) => look.functions.target({ module: look.module, node }))
          .find(
            (target) =>
              target !== undefined &&
              retryCalls(target.module).some((each) => isInside(each.call, target.node)),
          )
      const client = look.effects
        .within(look.module, work)
        .find((each) => retriesItself(look, each))
      if (wrapped === undefined && client === undefined) continue
      look.report(call, {
        message: 'What is tried again here tries again by itself.',
        fix: 'Retry in one place, the one nearest to the call; switch the other off (got: retry: { limit: 0 }, jobs: attempts: 1).',
        confidence: 'medium',
        trail: leadingTo(look, call),
      })
    }
  },
}

/** got and ky retry by default; an instance may be told to. */
function retriesItself(look: Look, { library, node, module }: Effect): boolean {
  if (library.id !== 'got' || /retry:\s*(?:0|\{\s*limit:\s*0)/.test(module.source(node)))
    return false
  const value = look.values.of(module, (chainOf(node)[0] as { node: Node }).node)
  return (
    value?.kind === 'outside' &&
    /^(?:got|ky)$/.test(value.source) &&
    !/^stream$/.test(value.path.at(-1) ?? '')
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
        functionAround(declarator) !== undefined
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
        !/sessions?$|loginAttempts|rateLimits?|refreshTokens|otpStore|resetTokens|hits$|carts$|verificationCodes|requestCounts?/i.test(
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

function isWritten(look: Look, declarator: Node, name: string): boolean {
  const writes = new RegExp(`\\b${name}(?:\\.set\\(|\\[[^\\]]+\\]\\s*=(?!=))`).exec(
    look.module.text,
  )
  return writes !== null && writes.index > declarator.end
}
