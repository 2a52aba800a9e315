/** Promises that nobody waits for, calls that nobody bounds, errors that nobody sees. */
import { chainOf } from '../project/chain.ts'
import { type Effect, isQuery, WRITES } from '../project/effects.ts'
import type { Target } from '../project/functions.ts'
import type { TransactionRegion } from '../project/regions.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  bare,
  calledName,
  dotted,
  type FunctionNode,
  functionAround,
  is,
  isFunction,
  isInside,
  type Node,
  type NodeOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import {
  isAtConnect,
  isForDevelopment,
  isServing,
  leadingTo,
  objectAt,
  objectOf,
} from './common.ts'
import type { Detector, Look } from './detector.ts'

export const fireAndForget: Detector = {
  id: 'fire-and-forget',
  level: 'warning',
  consequence:
    'The reply is sent before the work is done; a failure is an unhandled rejection, which ends the process, and a deploy loses the work.',
  check(look) {
    for (const statement of look.module.all('ExpressionStatement'))
      inspectStatement(look, statement)
    for (const call of look.module.all('CallExpression')) inspectForEach(look, call)
  },
}

function inspectStatement(look: Look, { expression }: NodeOf<'ExpressionStatement'>): void {
  const call = bare(expression)
  if (!is(call, 'CallExpression') || isHandled(call) || isBuilder(call)) return
  const around = functionAround(call)
  if (around === undefined || isStart(look.module, call)) return
  const effect = look.effects.in(look.module).find(({ node }) => node === call)
  const does = effect !== undefined && isPromise(effect)
  const target = does ? undefined : look.functions.target({ module: look.module, node: call })
  if (!does && target?.node.async !== true) return
  if (!does && !isWork(look, target as { module: Module; node: FunctionNode })) return
  if (effect?.library.kind === 'cache' || isOfConnection(effect)) return
  if (effect !== undefined && (isSubmitted(look.module, effect) || isAtOnce(effect))) return
  if (isSelfContained(target?.node) || catchesAll(target)) return
  const region = look.regions.around(look.module, call)
  const isMeant = region === undefined && isSaidToRun(look.module, call)
  look.report(call, {
    message: `${calledName(call) ?? 'The call'}() returns a promise that nobody awaits${region === undefined ? '' : '; the transaction may end before it'}.`,
    fix: `await ${short(look.module, call)} — or hand it to a queue that survives a restart, or at least .catch() it.`,
    confidence: does ? 'high' : 'medium',
    level: isMeant ? 'info' : isCutOff(look, effect, region) ? 'error' : 'warning',
    trail: leadingTo(look, call),
  })
}

/** A statement of the transaction itself; on one connection of pg it is sent before COMMIT all the same. */
function isCutOff(
  { module }: Look,
  effect: Effect | undefined,
  region: TransactionRegion | undefined,
): boolean {
  const root = effect && chainOf(effect.node)[0]?.node
  const binding = is(root, 'Identifier') ? module.binding(root) : undefined
  const { callback } = region ?? {}
  return (
    callback?.async === true &&
    functionAround(effect?.node ?? callback) === callback &&
    callback.params[0] !== undefined &&
    binding?.declaration === callback.params[0]
  )
}

/** A comment above says that nobody shall wait. */
function isSaidToRun(module: Module, call: Node): boolean {
  const { line } = module.place(call.start)
  return module.comments.some(
    ({ start, end }) =>
      module.place(end).line === line - 1 &&
      /(?:n[o']t|no need|without|never)\b.{0,30}\b(?:await|wait)|background|fire[- ]and[- ]forget/i.test(
        module.text.slice(start, end),
      ),
  )
}

/** client.query(new Cursor(…)): gives the cursor, and no promise. */
function isSubmitted(module: Module, { verb, library, does }: Effect): boolean {
  if (library.id !== 'pg' || does !== 'sql') return false
  const first = verb.args?.[0] && bare(verb.args[0])
  const declaration = is(first, 'Identifier') ? module.binding(first)?.declaration : undefined
  const init = is(declaration, 'VariableDeclarator') ? declaration.init : undefined
  return is(first, 'NewExpression') || is(init && bare(init), 'NewExpression')
}

/** tx.insert(…).run() of SQLite is done when it returns. */
function isAtOnce({ library, segments, node }: Effect): boolean {
  return (
    library.id === 'drizzle' &&
    /^(?:run|all|get)$/.test(segments.at(-1)?.name ?? '') &&
    functionAround(node)?.async !== true
  )
}

/** LISTEN, and what is said to a connection when it is made: it queues what is sent. */
function isOfConnection(effect: Effect | undefined): boolean {
  return (
    effect?.sql !== undefined && (/^\s*listen\b/i.test(effect.sql.text) || isAtConnect(effect.node))
  )
}

function isPromise({ does, library, node, handle, segments }: Effect): boolean {
  if (
    library.id === 'mongoose' &&
    is(node, 'CallExpression') &&
    node.arguments.some((each) => isFunction(bare(each)))
  )
    return false
  if (handle.guessed && library.kind !== 'database') return false
  if (is(node, 'CallExpression') && node.arguments.some((each) => isFunction(bare(each))))
    return false
  if (
    segments.length > 1 &&
    library.sentBy === undefined &&
    library.chainDoes === undefined &&
    library.id !== 'prisma' &&
    library.id !== 'drizzle' &&
    library.id !== 'mongoose' &&
    library.kind === 'database'
  )
    return segments.at(-1)?.args !== undefined && WRITES.has(does)
  return isQueryEffect(does) || does === 'request' || does === 'mail' || does === 'pay'
}

function isQueryEffect(does: Effect['does']): boolean {
  return WRITES.has(does) || does === 'sql'
}

/** It writes, sends or asks somewhere: more than a log line is lost with it. */
function isWork(look: Look, target: { module: Module; node: FunctionNode }): boolean {
  return (
    look.functions.reach(
      target.module,
      target.node,
      (effect) =>
        WRITES.has(effect.does) ||
        ['request', 'mail', 'pay', 'publish', 'sql'].includes(effect.does),
      2,
    ) !== undefined
  )
}

/** Catches everything by itself. */
function isSelfContained(fn: FunctionNode | undefined): boolean {
  const body = fn?.body
  if (!is(body, 'BlockStatement')) return false
  return (
    body.body.some((each) => is(each, 'TryStatement') && each.handler !== null) &&
    body.body.length <= 4
  )
}

/** Whatever it waits for stands in try { … } catch { … } that throws nothing on. */
function catchesAll(target: Target | undefined): boolean {
  const awaits = target?.module
    .all('AwaitExpression')
    .filter((each) => functionAround(each) === target.node)
  if (target === undefined || awaits === undefined || awaits.length === 0) return false
  return awaits.every((each) => {
    const tried = above(each, (at) => is(at, 'TryStatement'), target.node)
    if (!is(tried, 'TryStatement') || !tried.handler || !isInside(each, tried.block)) return false
    return !/\bthrow\b/.test(target.module.source(tried.handler))
  })
}

const BUILDS =
  /^(?:(?:and|or)?where\w*|(?:and|or)?having\w*|(?:add)?orderBy\w*|(?:add)?select|(?:add)?groupBy\w*|(?:left|inner|right)?join\w*|limit|offset|take|skip|setParameters?|setLock|distinct\w*|returning)$/i

/** query.andWhere(…): of a statement that is sent later. */
function isBuilder(call: NodeOf<'CallExpression'>): boolean {
  const [root, ...links] = chainOf(call)
  const names = links.flatMap(({ segment }) => (segment?.args === undefined ? [] : segment.name))
  return is(root?.node, 'Identifier') && names.every((name) => BUILDS.test(name))
}

function isHandled(call: NodeOf<'CallExpression'>): boolean {
  const name = calledName(call)
  return (
    name === 'catch' || name === 'then' || name === 'finally' || name === 'on' || name === 'unref'
  )
}

/** main() at the end of a script, listen() of a server: no promise of a request's. */
function isStart(module: Module, call: Node): boolean {
  return (
    /^(?:main|bootstrap|start|run|init)\w*$/.test(calledName(call) ?? '') ||
    /(?:^|\/)(?:scripts?|bin|cli)\//.test(module.path)
  )
}

/** items.forEach(async …): forEach waits for nothing. */
function inspectForEach(look: Look, call: NodeOf<'CallExpression'>): void {
  const [callback] = call.arguments
  if (
    calledName(call) !== 'forEach' ||
    callback === undefined ||
    !is(bare(call.callee), 'MemberExpression')
  )
    return
  const fn = bare(callback)
  if (!isFunction(fn) || !fn.async || !/\bawait\b/.test(look.module.source(fn))) return
  if (/\btry\b/.test(look.module.source(fn)) && isServing(look, call) === undefined) return
  look.report(call, {
    message: 'forEach() with an async callback waits for none of them.',
    fix: 'for (const item of items) await …   or   await Promise.all(items.map(async (item) => …)) with a bound on how many at once',
    confidence: 'high',
    trail: leadingTo(look, call),
  })
}

export const noTimeout: Detector = {
  id: 'no-timeout-http',
  level: 'warning',
  consequence:
    'When the other side accepts and never answers, the request waits for minutes or for ever; under load all of them do.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      if (effect.does !== 'request' || effect.handle.guessed || hasTimeout(look, effect)) continue
      const { id, says } = effect.library
      if (id !== 'axios' && id !== 'got' && id !== 'fetch') continue
      if (
        isOfPage(look, effect) ||
        endsByItself(look, effect.node) ||
        isForDevelopment(look.module, effect.node)
      )
        continue
      if (isToldElsewhere(look, effect.node)) continue
      look.report(effect.node, {
        message: `${id === 'fetch' ? 'fetch' : effect.library.title} without a timeout.`,
        fix: says.timeout ?? 'Give it a timeout.',
        confidence: 'high',
        trail: leadingTo(look, effect.node),
      })
    }
  },
}

/** fetch('/api/me'): without a host, only a browser knows where that is. */
function isOfPage(look: Look, { verb, library, node }: Effect): boolean {
  const [url] = verb.args ?? []
  if (library.id === 'axios') return hasRelativeBase(look, node, url)
  if (library.id !== 'fetch') return false
  const at = url && bare(url)
  const text = is(at, 'TemplateLiteral') ? at.quasis[0]?.value.raw : textOf(at)
  return text?.startsWith('/') === true
}

/** axios.defaults.baseURL = '/api', axios.create({ baseURL: '/api' }): of the page that it runs in. */
function hasRelativeBase(
  { project, module, values }: Look,
  node: Node,
  url: Node | undefined,
): boolean {
  if (url !== undefined && /https?:/.test(module.source(url))) return false
  const root = chainOf(node)[0]?.node
  const client = root && values.of(module, root)
  if (client?.kind === 'result')
    return (
      textOf(propertyOf(objectAt(client.module, client.node, 0), 'baseURL'))?.startsWith('/') ===
      true
    )
  const { folder } = project.packageOf(module)
  const own = project.modules.filter((each) => project.packageOf(each).folder === folder)
  const bases = own.flatMap(
    ({ text }) => /axios\.defaults\.baseURL\s*=\s*([^;\n]+)/.exec(text)?.[1] ?? [],
  )
  const isRelative = (base: string) => {
    const name = /(\w+)$/.exec(base.trim())?.[1]
    return (
      /^['"`]\//.test(base) ||
      (name !== undefined &&
        own.some(({ text }) => new RegExp(`\\b${name}\\s*=\\s*['"\`]/\\w`).test(text)))
    )
  }
  return bases.length > 0 && bases.every(isRelative)
}

/** The first call by each client that the tree has made: the timeout is missing there. */
const firstBy = new WeakMap<Node, Node>()

function isToldElsewhere({ values, module }: Look, node: Node): boolean {
  const root = chainOf(node)[0]?.node
  const value = root && values.of(module, root)
  if (value?.kind !== 'result') return false
  const first = firstBy.get(value.node) ?? node
  firstBy.set(value.node, first)
  return first !== node
}

/** ky gives up after ten seconds, whatever it is told. */
function endsByItself({ values, module }: Look, node: Node): boolean {
  const root = chainOf(node)[0]?.node
  const value = root && values.of(module, root)
  return value?.kind === 'outside' && value.source === 'ky'
}

function hasTimeout(look: Look, { node, verb, library, module }: Effect): boolean {
  const call = node as NodeOf<'CallExpression'>
  const options = (verb.args ?? [])
    .map((each) => objectOf(module, each))
    .find((each) => each !== undefined && mentions(module, each))
  if (options !== undefined) return true
  const unseen = (verb.args ?? []).some((each) =>
    isUnseen(module, each, verb.args?.indexOf(each) ?? 0, library.id),
  )
  if (unseen || /AbortSignal|timeout/i.test(module.source(call))) return true
  if (
    /Promise\.race|withTimeout|pTimeout|\btimeout\(/.test(
      module.source(above(call, isFunction) ?? call),
    )
  )
    return true
  const origin = look.values.of(module, call.callee)
  if (library.id === 'fetch') return false
  return (
    instanceHasTimeout(look, call) ||
    (origin?.kind === 'outside' && /NestJS|@nestjs/.test(origin.source)) ||
    defaultsTimeout(look)
  )
}

function mentions(module: Module, options: NodeOf<'ObjectExpression'>): boolean {
  if (
    ['timeout', 'signal', 'cancelToken', 'dispatcher', 'agent', 'headersTimeout'].some(
      (name) => propertyOf(options, name) !== undefined,
    )
  )
    return true
  return (
    options.properties.some((each) => is(each, 'SpreadElement')) &&
    module.source(options).length > 0
  )
}

/** Options that are made elsewhere may hold one. */
function isUnseen(module: Module, node: Node, index: number, library: string): boolean {
  const at = bare(node)
  const isConfig =
    index > 0 || (library === 'axios' && !/url|uri|endpoint/i.test(module.source(at)))
  if (is(at, 'SpreadElement')) return true
  if (index === 0 && library === 'fetch')
    return is(at, 'NewExpression') && calledName(at) === 'Request'
  if (!isConfig) return false
  if (is(at, 'CallExpression') && index > 0) return true
  return (
    is(at, 'Identifier') &&
    objectOf(module, at) === undefined &&
    /opt|config|init|request|args|param/i.test(at.name)
  )
}

function instanceHasTimeout(look: Look, call: NodeOf<'CallExpression'>): boolean {
  const callee = bare(call.callee)
  const object = is(callee, 'MemberExpression') ? callee.object : callee
  const value = look.values.of(look.module, object)
  if (value?.kind !== 'result') return value?.kind === 'instance' || value?.kind === 'parameter'
  if (!/^(?:create|extend|instance|defaults)$/.test(calledName(value.node) ?? '')) return false
  const options = objectAt(value.module, value.node, 0)
  return options === undefined ? value.node.arguments.length > 0 : mentions(value.module, options)
}

/** axios.defaults.timeout = 5_000, anywhere. */
function defaultsTimeout({ project }: Look): boolean {
  return project.modules.some(
    (module) => module.text.includes('defaults.timeout') || /setGlobalDispatcher/.test(module.text),
  )
}

export const swallowedError: Detector = {
  id: 'swallowed-error',
  level: 'warning',
  consequence:
    'What failed looks as if it had worked: the caller is answered 200, the logs are silent, the data is not there.',
  check(look) {
    for (const clause of look.module.all('CatchClause')) inspectCatch(look, clause)
    for (const call of look.module.all('CallExpression')) inspectCatchCall(look, call)
  },
}

/** Failing here is an answer, or does not matter: parsing, probing, closing, removing. */
const MAY_FAIL =
  /JSON\.parse|new URL\(|URL\.parse|require\(|import\(|\.close\(|\.end\(|\.destroy\(|\.quit\(|\.disconnect\(|unlink|rmSync|\brm\(|rmdir|\.kill\(|\.abort\(|\.cancel\(|accessSync|\baccess\(|existsSync|\bstat(?:Sync)?\(|lstat|readFile|mkdir|\.release\(|removeListener|clearTimeout|decodeURI|atob|BigInt\(|new RegExp|\.terminate\(|\.stop\(|isValid|\bverify\(|\.rollback\(|ROLLBACK|dispose|structuredClone|localStorage|\.unref\(|cleanup|teardown|\.parse\(|\.delete\w*\(|\.remove\w*\(|\.unsubscribe\(|\.write\(|setPrototypeOf|defineProperty|\.log\(|logger\.|console\./i

/** Whoever counts visitors does without one. */
const COUNTS_VISITS =
  /analytics|datafa?st|posthog|mixpanel|telemetry|plausible|amplitude|segment\.|\.track\(|\.capture\(/i

function inspectCatch(look: Look, clause: NodeOf<'CatchClause'>): void {
  if (clause.body.body.length > 0 || hasComment(look.module, clause.body)) return
  const tried = clause.parent
  if (!is(tried, 'TryStatement')) return
  const source = look.module.source(tried.block)
  if (COUNTS_VISITS.test(source)) return
  const effects = look.effects.within(look.module, tried.block)
  const matters = effects.find(
    (effect) =>
      isQuery(effect) || ['request', 'mail', 'pay', 'publish', 'store'].includes(effect.does),
  )
  if (matters === undefined && (MAY_FAIL.test(source) || !/\bawait\b/.test(source))) return
  if (
    matters !== undefined &&
    (matters.does === 'delete' || matters.library.kind === 'cache') &&
    MAY_FAIL.test(source)
  )
    return
  look.report(clause, {
    message: `The catch block is empty${matters === undefined ? '' : `: a failing ${matters.does}${matters.table === undefined ? '' : ` ${matters.table}`} is never seen`}.`,
    fix: 'Handle the failures that are expected, by name, and throw the others on: catch (error) { if (!isDuplicate(error)) throw error }. Where it really may fail, say why in a comment.',
    confidence: matters === undefined ? 'medium' : 'high',
    // What may fail there is not seen.
    level: matters === undefined ? 'info' : 'warning',
    trail: leadingTo(look, clause),
  })
}

function inspectCatchCall(look: Look, call: NodeOf<'CallExpression'>): void {
  if (calledName(call) !== 'catch' || call.arguments.length !== 1) return
  const fn = bare(call.arguments[0] as Node)
  const object = (bare(call.callee) as NodeOf<'MemberExpression'>).object
  if (!isFunction(fn) || hasComment(look.module, call) || hasLineComment(look.module, call)) return
  const isEmpty = is(fn.body, 'BlockStatement')
    ? fn.body.body.length === 0
    : isNothing(fn.body ?? undefined)
  if (!isEmpty || object === undefined) return
  const effect = look.effects
    .within(look.module, object)
    .find((each) => WRITES.has(each.does) || ['mail', 'pay', 'publish'].includes(each.does))
  if (effect === undefined || effect.does === 'delete') return
  if (/\blast_?(?:used|seen|active|access)/i.test(look.module.source(object))) return
  // A list of a cache is no queue.
  if (effect.does === 'publish' && /cache/i.test(look.module.path)) return
  look.report(call, {
    message: `.catch() throws away the failure of ${effect.does}${effect.table === undefined ? '' : ` ${effect.table}`}.`,
    fix: '.catch((error) => log.error(error)) at least; better: await it, and let the caller know.',
    confidence: 'high',
    trail: leadingTo(look, call),
  })
}

function isNothing(node: Node | undefined): boolean {
  if (node === undefined) return true
  const at = bare(node)
  return (
    is(at, 'Literal') ||
    dotted(at) === 'undefined' ||
    (is(at, 'UnaryExpression') && at.operator === 'void') ||
    (is(at, 'ObjectExpression') && at.properties.length === 0)
  )
}

function hasComment(module: Module, node: Node): boolean {
  return module.comments.some(({ start, end }) => start >= node.start && end <= node.end)
}

/** Said on the line before, or behind it. */
function hasLineComment(module: Module, node: Node): boolean {
  const first = module.place(node.start).line
  const last = module.place(node.end).line
  return module.comments.some(
    ({ start, end }) => module.place(end).line === first - 1 || module.place(start).line === last,
  )
}

function short(module: Module, node: Node): string {
  const text = module.source(node).replaceAll(/\s+/g, ' ')
  return text.length > 50 ? `${text.slice(0, 47)}...` : text
}
