/** Trying again: how soon, how often, and what must not be tried twice. */
import { chainOf } from '../project/chain.ts'
import type { Effect } from '../project/effects.ts'
import { stepOf } from '../project/functions.ts'
import { leaves } from '../project/regions.ts'
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
  propertyOf,
} from '../syntax/node.ts'
import { leadingTo, objectOf } from './common.ts'
import type { Detector, Look } from './detector.ts'
import { IDEMPOTENT, PAYS } from './reliability.ts'

export const retryWithoutBackoff: Detector = {
  id: 'retry-without-backoff',
  level: 'warning',
  consequence:
    'A service that stumbles is hit several times as hard by everybody at once, and does not get up.',
  check(look) {
    for (const loop of loopsOf(look.module)) inspectLoop(look, loop)
  },
}

const WAITS = /sleep|delay|(?<!a)wait|setTimeout|backoff|pause|timers|jitter/i

type LoopNode = NodeOf<'ForStatement' | 'WhileStatement' | 'DoWhileStatement'>

function loopsOf(module: Module): readonly LoopNode[] {
  return [
    ...module.all('ForStatement'),
    ...module.all('WhileStatement'),
    ...module.all('DoWhileStatement'),
  ]
}

/** What a loop tries again when it has failed. */
function triedIn(module: Module, loop: LoopNode): NodeOf<'TryStatement'> | undefined {
  const tried = module
    .all('TryStatement')
    .find(
      (each) =>
        isInside(each, loop.body) &&
        each.handler !== null &&
        above(each, (node) => /For|While/.test(node.type)) === loop,
    )
  return tried !== undefined && (isCounted(module, loop) || isUntilItWorks(module, loop, tried))
    ? tried
    : undefined
}

function isCounted({ text }: Module, loop: LoopNode): boolean {
  // What stands around the body: the head, or the condition behind it.
  const head = `${text.slice(loop.start, loop.body.start)} ${text.slice(loop.body.end, loop.end)}`
  return /retr|attempt|tries|tr(?:y|ies)\b/i.test(head)
}

/** for (;;) try { return … } catch {} */
function isUntilItWorks(module: Module, loop: LoopNode, tried: NodeOf<'TryStatement'>): boolean {
  const head = module.text.slice(loop.start, loop.body.start)
  return (
    /^(?:for\s*\(\s*;\s*;|while\s*\(\s*(?:true|1)\s*\))/.test(head) &&
    leaves(tried.block) &&
    !leaves(tried.handler?.body)
  )
}

function caughtIn(module: Module, { handler }: NodeOf<'TryStatement'>): string {
  return handler ? module.source(handler) : ''
}

function inspectLoop(look: Look, loop: LoopNode): void {
  const tried = triedIn(look.module, loop)
  if (tried === undefined || WAITS.test(look.module.source(loop))) return
  // The next turn tries something else: another name, the row that is there now.
  if (/conflict|exist|unique|duplicate|23505|P2002/i.test(caughtIn(look.module, tried))) return
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

interface RetryCall {
  readonly call: CallNode
  readonly work: Node
}

/** Written here, or elsewhere in the same module. */
function functionOf(values: Look['values'], module: Module, node: Node): Node | undefined {
  const value = is(bare(node), 'Identifier') ? values.of(module, node) : undefined
  return value?.kind === 'function' && value.module === module ? value.node : bare(node)
}

const RETRY_CALL =
  /^(?:retry|withRetry|withRetries|pRetry|asyncRetry|backOff|retryAsync|retryable|attempt)$/i

function retryCalls({ values }: Pick<Look, 'values'>, module: Module): readonly RetryCall[] {
  return module.all('CallExpression').flatMap((call) => {
    const name = calledName(call) ?? ''
    if (!/retr|backoff|attempt|execute/i.test(name)) return []
    const work = call.arguments.map((each) => functionOf(values, module, each)).find(isFunction)
    const isRetry =
      RETRY_CALL.test(name) || (name === 'execute' && /retry/i.test(dotted(call.callee) ?? ''))
    return isRetry && work !== undefined ? [{ call, work }] : []
  })
}

export const retryNonIdempotent: Detector = {
  id: 'retry-non-idempotent',
  level: 'warning',
  consequence:
    'The first try may have worked and only its reply was lost: the second one pays, ships or mails again.',
  check(look) {
    for (const { call, work } of retryCalls(look, look.module)) {
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
    for (const loop of loopsOf(look.module)) inspectPayingLoop(look, loop)
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

const PAID_OR_SENT =
  /\/(?:charges?|payments?|payment_intents|payouts?|transfers?|refunds?|orders?|sms|emails?|mails?)\b/i

/** A loop of attempts around a POST that pays, orders or sends. */
function inspectPayingLoop(look: Look, loop: LoopNode): void {
  const { module } = look
  const tried = triedIn(module, loop)
  if (tried === undefined || IDEMPOTENT.test(module.source(functionAround(loop) ?? loop))) return
  const effect = look.effects
    .within(module, tried.block)
    .find((each) => isOneTime(module, each) && (each.does !== 'request' || isPaid(module, each)))
  if (effect === undefined) return
  look.report(loop, {
    message: `${stepOf(effect).label} is tried again without a key that makes it one.`,
    fix: "Send an idempotency key that is the same for every try, made before the first: headers: { 'Idempotency-Key': orderId }",
    confidence: 'medium',
    level: effect.does === 'pay' && !isNarrowed(module, tried, effect) ? 'error' : 'warning',
    trail: [...leadingTo(look, loop), stepOf(effect)],
  })
}

/** Only what surely did not happen is tried again; or options that are not seen may hold a key. */
function isNarrowed(module: Module, tried: NodeOf<'TryStatement'>, { verb }: Effect): boolean {
  return (
    /rate|429|\.code\b|\.type\b|status/i.test(caughtIn(module, tried)) ||
    (verb.args ?? []).slice(1).some((each) => !is(bare(each), 'ObjectExpression'))
  )
}

function isPaid(module: Module, { verb, node }: Effect): boolean {
  const [url] = verb.args ?? []
  const declared =
    url && is(bare(url), 'Identifier')
      ? module.binding(bare(url) as NodeOf<'Identifier'>)?.declaration
      : undefined
  return PAID_OR_SENT.test(
    `${module.source(node)} ${declared === undefined ? '' : module.source(declared)}`,
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
    for (const { call, work } of retryCalls(look, look.module)) {
      const inner = retryCalls(look, look.module).find(
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
              retryCalls(look, target.module).some((each) => isInside(each.call, target.node)),
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
