/** What an HTTP server leaves open. */

import type { Handler } from '../project/handlers.ts'
import { routeStep } from '../project/request-values.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  classAround,
  dotted,
  functionAround,
  is,
  isFunction,
  type Node,
  type NodeOf,
  nameOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { objectOf, textsOf } from './common.ts'
import type { Detector, Look } from './detector.ts'

export const cookieWithoutFlags: Detector = {
  id: 'cookie-without-flags',
  level: 'warning',
  consequence: 'A script on the page, or anybody on the same network, takes the session.',
  check(look) {
    for (const call of look.module.all('CallExpression')) inspectCookie(look, call)
  },
}

const SESSION_COOKIE = /sess|token|auth|jwt|\bsid\b|refresh|access|remember/i
const PASSING_COOKIE = /method|provider|callback|_cb$|redirect|return_?to|state$|verifier|nonce/i

function inspectCookie(look: Look, call: CallNode): void {
  const name = calledName(call) ?? ''
  const [first, second, third] = call.arguments
  if (!/^(?:cookie|setCookie|set)$/.test(name) || first === undefined || second === undefined)
    return
  const callee = bare(call.callee)
  const object = is(callee, 'MemberExpression') ? (dotted(callee.object) ?? '') : ''
  if (name === 'set' && !/cookies$/.test(object)) return
  if (name === 'cookie' && !/^(?:res|response|reply|this\.res)\b/.test(object)) return
  const given =
    name === 'setCookie' && /^c(?:tx)?$/.test(dotted(first) ?? '')
      ? { key: second, options: call.arguments[3] }
      : { key: first, options: third }
  const cookie =
    textOf(given.key) ?? (is(bare(given.key), 'Identifier') ? nameOf(bare(given.key)) : undefined)
  if (
    cookie === undefined ||
    !SESSION_COOKIE.test(cookie) ||
    /csrf|xsrf/i.test(cookie) ||
    PASSING_COOKIE.test(cookie)
  )
    return
  // An empty value takes a cookie away.
  if (call.arguments.some((each) => textOf(each) === '')) return
  const options = given.options === undefined ? undefined : objectOf(look.module, given.options)
  if (
    given.options !== undefined &&
    (options === undefined || options.properties.some((each) => is(each, 'SpreadElement')))
  )
    return
  const missing = ['httpOnly', 'secure', 'sameSite'].filter(
    (flag) => !isSet(propertyOf(options, flag), flag, object, name),
  )
  if (missing.length === 0 || (missing.length === 1 && missing[0] === 'sameSite')) return
  look.report(call, {
    message: `The cookie ${cookie} is set without ${missing.join(', ')}.`,
    fix: "{ httpOnly: true, secure: true, sameSite: 'lax', path: '/', maxAge }",
    confidence: 'high',
  })
}

/** Koa's cookies are httpOnly by themselves, and secure where the connection is. */
function isSet(value: Node | undefined, flag: string, object: string, name: string): boolean {
  if (value === undefined) return flag !== 'sameSite' && name === 'set' && /ctx/.test(object)
  return !(is(bare(value), 'Literal') && (bare(value) as NodeOf<'Literal'>).value === false)
}

const LOGIN =
  /(?:^|[/.-])(?:log-?in|sign-?in|authenticate|password(?:[/-](?:reset|forgot))?|forgot-?password|reset-?password|otp|verify-?code|2fa|mfa)(?:$|[/.-])/i
const LIMITS = /rate-?limit|throttl|limiter|slow-?down|brute|captcha|turnstile/i

export const missingRateLimit: Detector = {
  id: 'missing-rate-limit',
  level: 'warning',
  consequence:
    'Passwords and codes are tried by the million: a code of six digits is found within the hour.',
  checkTree(look) {
    const limited = new Map<string, boolean>()
    for (const handler of look.handlers.all) {
      if (!isLogin(handler) || !look.modules.includes(handler.route.module)) continue
      const { folder } = look.project.packageOf(handler.route.module)
      if (!limited.has(folder)) limited.set(folder, isLimited(look, folder))
      if (
        limited.get(folder) ||
        LIMITS.test(textsOf(handler.route.module, handler.before)) ||
        LIMITS.test(handler.module.source(handler.node))
      )
        continue
      look.reportIn(handler.route.module, handler.route.node, {
        message: `${handler.method} ${handler.path} may be called as often as anybody likes.`,
        fix: limitOf(handler.framework),
        confidence: 'medium',
        trail: [routeStep(handler)],
      })
    }
  },
}

function isLogin({ method, path, framework }: Handler): boolean {
  return (
    LOGIN.test(path) &&
    !/\/(?:setup|enable|disable)$/.test(path) &&
    (/^(?:POST|PUT|PATCH|ANY|MUTATION)$/.test(method) || framework === 'tRPC') &&
    !/^(?:GET|QUERY)$/.test(method)
  )
}

/** A limit for the whole application, or one that this reviewer cannot tie to a route. */
function isLimited(
  look: Parameters<NonNullable<Detector['checkTree']>>[0],
  folder: string,
): boolean {
  const names = [...(look.project.packages.at(folder)?.dependencies ?? [])]
  return (
    names.some((name) =>
      /rate-?limit|throttler|slow-down|brute|better-auth|next-auth|lucia|arcjet|unkey|ratelimit/.test(
        name,
      ),
    ) || look.modules.some((module) => LIMITS.test(module.path.split('/').at(-1) ?? ''))
  )
}

function limitOf(framework: string): string {
  if (framework === 'Nest')
    return '@UseGuards(ThrottlerGuard) with @Throttle({ default: { limit: 5, ttl: 60_000 } }), by account and by address'
  if (framework === 'Fastify')
    return "app.register(rateLimit) and { config: { rateLimit: { max: 5, timeWindow: '1 minute' } } } on this route, by account and by address"
  return 'rateLimit({ windowMs: 60_000, limit: 5 }) before this handler, with a shared store, by account and by address'
}

export const pathBasedAuthorisation: Detector = {
  id: 'path-based-authorisation',
  level: 'warning',
  consequence:
    'The router and the check read the path differently: //admin, /Admin, /admin%2f or a new mount point get past.',
  check(look) {
    for (const statement of look.module.all('IfStatement')) inspectPathTest(look, statement)
  },
}

const PATH_TEST =
  /\b(?:req|request|ctx|c\.req)\.(?:path|url|originalUrl|routerPath|nextUrl\.pathname)\s*(?:\.(?:startsWith|includes|match|indexOf|endsWith)\(|===?|!==?)|\.test\(\s*(?:req|request|ctx)\.(?:path|url|originalUrl)\s*\)/
const DECIDES =
  /isAdmin|\.role\b|hasRole|permission|unauthori[sz]ed|forbidden|\b40[13]\b|isAuthenticated|\.user\b/i

function inspectPathTest(look: Look, statement: NodeOf<'IfStatement'>): void {
  const test = look.module.source(statement.test)
  if (!PATH_TEST.test(test)) return
  const then = look.module.source(statement.consequent)
  const skips = /^\{?\s*(?:return\s+)?(?:await\s+)?next\(\)/.test(then)
  const around = functionAround(statement)
  const rest = around === undefined ? '' : look.module.text.slice(statement.end, around.end)
  if (!(DECIDES.test(`${test} ${then}`) || (skips && DECIDES.test(rest)))) return
  // Refused either way: the path only chooses how the answer looks.
  const otherwise = statement.alternate ? look.module.source(statement.alternate) : ''
  if (/\b40[13]\b/.test(then) && /\b40[13]\b/.test(otherwise)) return
  // What is written differently is not let through.
  const isExact = !/startsWith|includes|match|indexOf|endsWith|\.test\(/.test(test)
  look.report(statement, {
    level: isExact ? 'info' : 'warning',
    message: 'The text of the path decides who may pass.',
    fix: 'Hang the rule on the route itself: router.use(requireRole("admin")) on the router that has the routes, or a guard on the handler; refuse by default.',
    confidence: 'medium',
  })
}

export const errorDetailsToClient: Detector = {
  id: 'error-details-to-client',
  level: 'warning',
  consequence: 'Tables, paths, versions and queries are told to whoever provokes an error.',
  check(look) {
    for (const call of look.module.all('CallExpression')) inspectReply(look, call)
  },
}

function inspectReply(look: Look, call: CallNode): void {
  const name = calledName(call) ?? ''
  const [first] = call.arguments
  if (!/^(?:json|send|end|status)$/.test(name) || first === undefined) return
  const reply = isReply(look.module, call)
  const caught = reply ? caughtNameAt(call) : undefined
  if (caught === undefined) return
  const source = look.module.source(first)
  const stack = new RegExp(`\\b${caught}\\??\\.stack\\b`).test(source)
  const whole = new RegExp(
    `^${caught}$|(?:error|err|details?|cause)\\s*:\\s*${caught}\\s*[,}]|\\{\\s*${caught}\\s*[,}]|[,{]\\s*\\.\\.\\.${caught}\\b`,
  ).test(source)
  const message = new RegExp(
    `\\b${caught}\\??\\.message\\b|String\\(${caught}\\)|\\\${${caught}}`,
  ).test(source)
  if (!stack && !whole && !message) return
  if (!stack && isKnownError(look.module, call, caught)) return
  const status = /status\((\d+)\)/.exec(look.module.source(call.callee))?.[1]
  if (!stack && status !== undefined && !status.startsWith('5')) return
  if (
    /NODE_ENV|isDev|development|isProduction/i.test(
      look.module.source(functionAround(call) ?? call),
    )
  )
    return
  look.report(call, {
    message: stack
      ? 'The stack of an error is sent to the caller.'
      : `The caller is sent ${whole ? 'the error as it is' : "the error's own message"}, whatever it was.`,
    fix: "log.error(error); res.status(500).json({ title: 'Internal error', instance: requestId }) — and messages only of errors that were made for callers",
    confidence: stack || whole ? 'high' : 'medium',
    level: stack
      ? isForAnybody(look.module, call, caught)
        ? 'error'
        : 'warning'
      : message && !whole
        ? 'info'
        : 'warning',
  })
}

/** What a handler is given to answer with; a variable of that name may be anything: const c = new Report(). */
function isReply(module: Module, { callee }: CallNode): boolean {
  const root = rootOf(callee)
  if (!is(root, 'Identifier') || !/^(?:res|response|reply|c|ctx)$/.test(root.name)) return false
  const binding = module.binding(root)
  if (binding?.kind !== 'variable' || binding.path.length > 0) return true
  const { declaration } = binding
  return (
    is(declaration, 'VariableDeclarator') &&
    is(declaration.init && bare(declaration.init), 'MemberExpression')
  )
}

function rootOf(node: Node): Node {
  const at = bare(node)
  if (is(at, 'MemberExpression')) return rootOf(at.object)
  return is(at, 'CallExpression') ? rootOf(at.callee) : at
}

/** Whatever the environment, and more of it than its first line. */
function isForAnybody(module: Module, call: CallNode, caught: string): boolean {
  const around = functionAround(call)
  return (
    !ENVIRONMENT.test(module.source(around ?? call)) &&
    !new RegExp(`\\b${caught}\\??\\.stack\\??\\.(?:split|match)`).test(module.source(call))
  )
}

const ENVIRONMENT =
  /(?:prod(?:uction)?|dev(?:elopment|_?mode)?|staging)(?:\b|_)|\b(?:verbose|env(?:ironment)?|(?:is_?)?local|(?:show|include|expose|with|send)_?(?:stack|errors?|details?)\w*)\b|(?<!\.)\bdebug\b/i

/** The name of the error that this reply is about: of a catch clause, or of an error handler. */
function caughtNameAt(node: Node): string | undefined {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (is(at, 'CatchClause')) return at.param ? nameOf(at.param) : undefined
    if (isFunction(at)) {
      const [first] = at.params
      const isErrorHandler =
        at.params.length === 4 ||
        (is(at.parent, 'CallExpression') &&
          /^(?:catch|setErrorHandler|onError)$/.test(calledName(at.parent) ?? ''))
      if (isErrorHandler && first !== undefined && /^_?e(?:rr(?:or)?)?$/i.test(nameOf(first) ?? ''))
        return nameOf(first)
      if (isErrorHandler) return undefined
    }
  }
  return undefined
}

/** if (error instanceof NotFound) … : made for callers. */
function isKnownError(module: Module, node: Node, caught: string): boolean {
  for (let at: Node | undefined = node; at?.parent !== undefined; at = at.parent) {
    if (is(at.parent, 'IfStatement') && at === at.parent.consequent) {
      const test = module.source(at.parent.test)
      if (
        test.includes('instanceof') ||
        test.includes(`${caught}.`) ||
        /^is[A-Z]\w*Error\(/.test(test)
      )
        return true
    }
    if (is(at.parent, 'SwitchCase') || isFunction(at.parent)) break
  }
  return false
}

const SERVICE = /(?<!Http|Auth|Session|Proxy|Cookie|Webhook)(?:Service|UseCase|Repository)$/

export const httpInService: Detector = {
  id: 'http-in-service',
  level: 'info',
  consequence:
    'The same rule cannot run from a job, an import or a test without an HTTP request made up for it.',
  check(look) {
    const isService =
      /(?:^|\/)(?:services?|usecases?|use-cases|domain|repositories)\/|\.(?:service|usecase|repository)\.[jt]s$/.test(
        look.module.path,
      )
    const near = look.module.path.split('/').slice(-2).join('/')
    if (
      /auth|session|proxy|upload|middleware|guard|http|request|webhook|passport|cookie/i.test(near)
    )
      return
    for (const kind of [
      'FunctionDeclaration',
      'FunctionExpression',
      'ArrowFunctionExpression',
    ] as const) {
      for (const fn of look.module.all(kind))
        if (isService || isMethodOfService(fn)) inspectParameters(look, fn)
    }
  },
}

function isMethodOfService({ parent }: Node): boolean {
  return is(parent, 'MethodDefinition') && SERVICE.test(classAround(parent)?.id?.name ?? '')
}

function inspectParameters(
  look: Look,
  fn: NodeOf<'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression'>,
): void {
  const types = fn.params.map((each) => typeText(look.module, each))
  const names = fn.params.map((each) => nameOf(each) ?? '')
  const typed = types.findIndex(
    (type) =>
      /^(?:express\.)?(?:Request|Response|FastifyRequest|FastifyReply|NextApiRequest|NextApiResponse|Context)\b/.test(
        type,
      ) && isWebType(look.module, type),
  )
  const named =
    names.length >= 2 &&
    /^req(?:uest)?$/.test(names[0] ?? '') &&
    /^res(?:ponse)?$/.test(names[1] ?? '')
  if ((typed < 0 && !named) || look.handlers.of(fn) !== undefined) return
  look.report(fn.params[Math.max(0, typed)] as Node, {
    message: 'A service takes the HTTP request.',
    fix: 'Take plain values (and who is asking), return a value or throw an error of the domain; the handler translates.',
    confidence: 'medium',
  })
}

function typeText(module: Module, parameter: Node): string {
  const annotation = (parameter as { typeAnnotation?: Node }).typeAnnotation
  return annotation === undefined || annotation === null
    ? ''
    : module.source(annotation).replace(/^:\s*/, '')
}

function isWebType(module: Module, type: string): boolean {
  const name = type.split(/[.<[ ]/)[0] ?? ''
  const binding = module.scopes.find(module.program, name)
  const from = binding?.declaration.parent
  return (
    is(from, 'ImportDeclaration') &&
    /^(?:express|fastify|koa|hono|next|@nestjs\/common)$/.test(String(from.source.value))
  )
}
