/** One process: its connections, its start and its end. */
import type { Effect } from '../project/effects.ts'
import { functionName } from '../project/functions.ts'
import type { Module } from '../syntax/module.ts'
import {
  above,
  bare,
  type CallNode,
  calledName,
  dotted,
  type FunctionNode,
  functionAround,
  is,
  isFunction,
  isInside,
  memberName,
  type Node,
  type NodeOf,
  outside,
  textOf,
} from '../syntax/node.ts'
import { isAtConnect, isServing, leadingTo, takenBy } from './common.ts'
import type { Detector, Look, TreeLook } from './detector.ts'

export const leakedClient: Detector = {
  id: 'leaked-client',
  level: 'error',
  consequence:
    'Each error keeps a connection: after as many as the pool holds, every request waits for one that never comes.',
  check(look) {
    for (const effect of look.effects.in(look.module))
      if (effect.does === 'acquire') inspectAcquire(look, effect)
  },
}

const GIVES_BACK =
  /\.(?:release|end|destroy|close|\[Symbol\.(?:asyncD|d)ispose\])\s*\(|\breleaseClient|\brelease\(/

function inspectAcquire(look: Look, { node, library, segments, module }: Effect): void {
  const fn = functionAround(node)
  const taken = takenBy(node)
  if (
    fn === undefined ||
    taken === undefined ||
    !is(taken.id, 'Identifier') ||
    library.id === 'mongoose'
  )
    return
  if (segments.length !== 1 || !isPoolHandle(look, node)) return
  if (is(taken.parent, 'VariableDeclaration') && /using/.test(taken.parent.kind)) return
  const name = taken.id.name
  const source = module.source(fn)
  if (
    new RegExp(
      `return\\s+(?:await\\s+)?(?:\\{[^}]*\\b|(?:new\\s+)?\\w+\\(\\s*)?${name}\\b|this\\.\\w+\\s*=\\s*${name}\\b|\\b\\w+\\.set\\([^)]*\\b${name}\\b`,
    ).test(source)
  )
    return
  const later = module.text.slice(node.end, fn.end)
  const releases =
    new RegExp(`\\b${name}\\??(?:${GIVES_BACK.source.replaceAll('\\b', '')})`).test(later) ||
    /\brelease\w*\(/.test(later)
  const inFinally = /finally\s*[{(][\s\S]*?(?:release|\.end\(|destroy|close)/.test(later)
  if (inFinally || isKeptOpen(later) || isReleasedOnError(later, name)) return
  const between = later.slice(
    0,
    later.search(new RegExp(`\\b${name}\\??${GIVES_BACK.source.replaceAll('\\b', '')}`)),
  )
  if (releases && isReleasedBehind(module, node, fn, node.end + between.length)) return
  look.report(node, {
    message: releases
      ? `${name} is given back only where nothing throws.`
      : `${name} is taken out of the pool and never given back.`,
    fix: `const ${name} = await pool.connect(); try { … } finally { ${name}.release() }`,
    confidence: 'high',
    level: isSurelyLeaked(module, taken.id, fn, releases) ? 'error' : 'warning',
    trail: leadingTo(look, node),
  })
}

/** A connection that listens for as long as the process lives. */
function isKeptOpen(later: string): boolean {
  return /\blisten\s+["\w$]|['"]notification['"]|pg_(?:try_)?advisory_lock\b/i.test(later)
}

/** try { …; client.release() } catch { client.release() } */
function isReleasedOnError(later: string, name: string): boolean {
  const release = new RegExp(`\\b${name}\\??${GIVES_BACK.source.replaceAll('\\b', '')}`)
  const [before = '', ...behind] = later.split(/\bcatch\s*[({]/)
  return release.test(before) && behind.some((each) => release.test(each))
}

/** Nothing is awaited before, or within try { … } catch { log it } alone: whatever throws, it is given back. */
function isReleasedBehind(module: Module, node: Node, fn: FunctionNode, release: number): boolean {
  return module
    .all('AwaitExpression')
    .filter((each) => isInside(each, fn) && each.start > node.end && each.end < release)
    .every((each) => {
      const tried = above(each, (at) => is(at, 'TryStatement'), fn)
      if (!is(tried, 'TryStatement') || !tried.handler || tried.end > release) return false
      return !/\b(?:throw|return|break|continue)\b/.test(module.source(tried))
    })
}

const AT_START = /connect|init|start|test|check|health|ping|main|setup|boot|migrat/i

/** Nobody else has it who could give it back; and at the start, what throws ends the process. */
function isSurelyLeaked(
  module: Module,
  id: NodeOf<'Identifier'>,
  fn: FunctionNode,
  releases: boolean,
): boolean {
  const binding = module.scopes.find(id, id.name)
  const uses = binding === undefined ? [] : module.references(binding).filter((use) => use !== id)
  return (
    uses.every((use) => is(outside(use), 'MemberExpression')) &&
    !(releases && AT_START.test(functionName(fn) ?? ''))
  )
}

function isPoolHandle({ values, module }: Look, node: Node): boolean {
  const call = node as CallNode
  const callee = bare(call.callee)
  if (!is(callee, 'MemberExpression')) return false
  const value = values.of(module, callee.object)
  const from =
    value?.kind === 'instance' ? value.of : value?.kind === 'result' ? value.of : undefined
  return from?.kind === 'outside' && /pool/i.test(from.path.at(-1) ?? '')
}

export const setWithoutLocal: Detector = {
  id: 'set-without-local',
  level: 'error',
  consequence:
    'The setting stays on the connection: the next request that gets it runs as the last tenant, in its schema, with its role.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      const { sql, node, library } = effect
      if (
        sql === undefined ||
        isAtConnect(node) ||
        isOfOwnClient(look.module, node) ||
        /migrat|seed|setup|script|extension/i.test(look.module.path)
      )
        continue
      const plain =
        /^\s*set\s+(?!local\b|transaction\b|constraints\b|session\s+characteristics|names\b|foreign_key|sql_mode|global\b|@)(?:session\s+)?(role\b|search_path\b|[\w]+\.[\w$]+|row_security|app\w*|session\s+authorization)/i.exec(
          sql.text,
        )
      const config = /set_config\s*\([^)]*,\s*false\s*\)/i.test(sql.text)
      if (plain === null && !config) continue
      if (
        /reset\b|discard\s+all|release\(\s*true/i.test(
          look.module.source(functionAround(node) ?? node),
        ) &&
        !/pool\.query/.test(look.module.source(node))
      )
        continue
      look.report(node, {
        message: `${config ? 'set_config(…, false)' : `SET ${plain?.[1] ?? ''}`} outlives the transaction, on a connection that others get next.`,
        fix: `Inside of the transaction: SELECT set_config('app.tenant', $1, true)${library.says.transaction === undefined ? '' : `, within ${library.says.transaction.slice(0, 60)}…`}`,
        confidence: 'high',
        level: isServing(look, node) === undefined ? 'warning' : 'error',
        trail: leadingTo(look, node),
      })
    }
  },
}

/** Made here, and nobody gets it next. */
function isOfOwnClient(module: Module, node: Node): boolean {
  return /\bnew\s+(?:\w+\.)?Client\(/.test(module.source(functionAround(node) ?? node))
}

export const unhandledRejection: Detector = {
  id: 'unhandled-rejection',
  level: 'warning',
  consequence:
    'The process goes on with whatever state the error left: half-done work, held locks, wrong answers.',
  check(look) {
    for (const block of look.module.all('BlockStatement')) inspectStarted(look, block)
    for (const call of look.module.all('CallExpression')) {
      const event = textOf(call.arguments[0])
      if (
        dotted(call.callee) !== 'process.on' ||
        !/^(?:unhandledRejection|uncaughtException)$/.test(event ?? '')
      )
        continue
      const handler = call.arguments[1] && bare(call.arguments[1])
      if (!isFunction(handler)) continue
      const source = look.module.source(handler)
      if (ENDS.test(source) || callsWhatEnds(look, handler)) continue
      look.report(call, {
        message: `${event} is ${is(handler.body, 'BlockStatement') && handler.body.body.length === 0 ? 'ignored' : 'logged, and the process goes on'}.`,
        fix: "process.on('unhandledRejection', (error) => { log.fatal(error); void shutdown(1) }) — a supervisor starts it again",
        confidence: 'medium',
      })
    }
  },
}

const ENDS =
  /exit|shutdown|close|stop|throw|abort|kill|graceful|terminate|drain|\bdie|crash|fatal\w*\(|clean_?up\w*\(|handle\w*Exception\(/i

/** failed(error), which ends the process in its own place. */
function callsWhatEnds(look: Look, handler: FunctionNode): boolean {
  return look.functions.callsWithin(look.module, handler).some((node) => {
    const target = look.functions.target({ module: look.module, node })
    return target !== undefined && ENDS.test(target.module.source(target.node))
  })
}

/** const a = first(); const b = second(); await a; await b: when a rejects, nobody listens to b. */
function inspectStarted(look: Look, block: NodeOf<'BlockStatement'>): void {
  const started = block.body.flatMap((statement) =>
    is(statement, 'VariableDeclaration') ? startedBy(look.module, statement) : [],
  )
  const [one] = started
  const other = started.find(
    (each) =>
      one !== undefined &&
      each !== one &&
      each.call.start < one.awaited.start &&
      one.awaited.start < each.awaited.start &&
      // In one expression with the first, it is Promise.all's or it is too late as well.
      functionAround(each.awaited) === functionAround(one.awaited),
  )
  if (one === undefined || other === undefined) return
  look.report(other.call, {
    message: `${other.name} is awaited after ${one.name}: where that rejects first, nobody listens to this one any more.`,
    consequence:
      'The second failure is an unhandled rejection, which ends the process with all of its requests.',
    fix: `const [${one.name}, ${other.name}] = await Promise.all([…, …])`,
    confidence: 'medium',
  })
}

interface Started {
  readonly name: string
  readonly call: Node
  readonly awaited: Node
}

/** Variables that hold a call's promise, and are used once: to be awaited. */
function startedBy(
  module: Module,
  { declarations }: NodeOf<'VariableDeclaration'>,
): readonly Started[] {
  return declarations.flatMap(({ id, init }) => {
    const value = init && bare(init)
    const pairs: readonly (readonly [Node | null | undefined, Node | null | undefined])[] =
      is(id, 'ArrayPattern') && is(value, 'ArrayExpression')
        ? id.elements.map((each, index) => [each, value.elements[index]])
        : [[id, value]]
    return pairs.flatMap(([name, call]) => {
      if (
        !is(name, 'Identifier') ||
        !is(call, 'CallExpression') ||
        HANDLED.test(calledName(call) ?? '')
      )
        return []
      const binding = module.scopes.find(name, name.name)
      const uses =
        binding === undefined ? [] : module.references(binding).filter((each) => each !== name)
      const [use] = uses
      return uses.length === 1 && use !== undefined && is(outside(use), 'AwaitExpression')
        ? [{ name: name.name, call, awaited: use }]
        : []
    })
  })
}

const HANDLED = /^(?:catch|then|finally|allSettled|all|race|any)$/

/** The place where a server begins to listen, one for each package. */
function serversOf(look: TreeLook): ReadonlyMap<string, { module: Module; node: CallNode }> {
  const found = new Map<string, { module: Module; node: CallNode }>()
  for (const module of look.modules) {
    if (!/\.listen\(|\bserve\(/.test(module.text)) continue
    for (const node of module.all('CallExpression')) {
      const { folder } = look.project.packageOf(module)
      if (!found.has(folder) && isListen(look, module, node)) found.set(folder, { module, node })
    }
  }
  return found
}

function isListen({ values }: TreeLook, module: Module, node: CallNode): boolean {
  const name = calledName(node)
  if (name === 'serve') {
    const value = values.of(module, node.callee)
    return value?.kind === 'outside' && value.source === '@hono/node-server'
  }
  if (name !== 'listen' || node.arguments.length === 0) return false
  const callee = bare(node.callee)
  const object = is(callee, 'MemberExpression') ? (dotted(callee.object) ?? '') : ''
  const [first] = node.arguments
  const isPort = first !== undefined && /port|PORT|^\d+$|\{|env|config/.test(module.source(first))
  return (
    isPort &&
    /^(?:this\.)?(?:app|server|fastify|httpServer|api|http|nest\w*|express\w*|koa)$/i.test(object)
  )
}

export const missingGracefulShutdown: Detector = {
  id: 'missing-graceful-shutdown',
  level: 'info',
  consequence:
    'Each deploy cuts the requests and jobs that are running: clients see resets, work is half done.',
  checkTree(look) {
    const all = serversOf(look)
    for (const [folder, { module, node }] of all) {
      const own = look.project.modules.filter(
        (each) => look.project.packageOf(each).folder === folder,
      )
      if (
        own.some(({ text }) =>
          /SIGTERM|enableShutdownHooks|closeWithGrace|close-with-grace|terminus|http-terminator|lightship|stoppable/.test(
            text,
          ),
        )
      )
        continue
      look.reportIn(module, node, {
        message: 'The server listens, and nothing ends it in order: SIGTERM kills it.',
        fix: "process.once('SIGTERM', async () => { await app.close(); await pool.end() }) — Nest: app.enableShutdownHooks()",
        confidence: 'medium',
      })
    }
  },
}

export const missingHealthCheck: Detector = {
  id: 'missing-health-check',
  level: 'info',
  consequence:
    'The balancer sends requests to a process that cannot reach its database, and the orchestrator never replaces it.',
  checkTree(look) {
    for (const [folder, { module, node }] of serversOf(look)) {
      const own = look.project.modules.filter(
        (each) => look.project.packageOf(each).folder === folder,
      )
      if (
        own.some(({ text }) =>
          /['"`/](?:healthz?|health-?check|livez?|readyz?|readiness|liveness|status|ping|up)\b['"`/]|terminus|HealthCheck/i.test(
            text,
          ),
        )
      )
        continue
      look.reportIn(module, node, {
        message: 'No route tells whether the process can serve.',
        fix: "app.get('/health/ready', …) that asks the database once; app.get('/health/live', …) that asks nobody",
        confidence: 'medium',
      })
    }
  },
}

export const unvalidatedEnvironment: Detector = {
  id: 'unvalidated-environment',
  level: 'info',
  consequence:
    'A forgotten variable is found at the first request that needs it, in production, at night; "undefined" becomes part of an address.',
  checkTree(look) {
    const byFolder = Map.groupBy(look.modules, (module) => look.project.packageOf(module).folder)
    for (const [folder, modules] of byFolder) {
      const readers = modules.filter(({ text }) => /process\.env\.[A-Z]/.test(text))
      const names = [...(look.project.packages.at(folder)?.dependencies ?? [])]
      const checks =
        readers.some(({ text }) =>
          /\.(?:parse|safeParse|validate)\(\s*process\.env|cleanEnv|envalid|createEnv|validationSchema|@IsString|env-var|znv/.test(
            text,
          ),
        ) ||
        names.some((name) =>
          /^(?:envalid|env-var|@t3-oss\/env-\w+|znv|env-schema|@fastify\/env|convict|env-cmd)$/.test(
            name,
          ),
        )
      const place = readers.flatMap((module) =>
        unguarded(module).map((node) => ({ module, node })),
      )[0]
      if (checks || place === undefined) continue
      const where = readers.length === 1 ? 'one file' : `${readers.length} files`
      look.reportIn(place.module, place.node, {
        message: `Environment variables are read in ${where}, and nothing checks them at start.`,
        fix: 'const env = z.object({ DATABASE_URL: z.url(), PORT: z.coerce.number() }).parse(process.env) in one module that is loaded first',
        confidence: 'medium',
      })
    }
  },
}

/** process.env.X! and process.env.X as string: a promise that nobody keeps. */
function unguarded(module: Module): readonly Node[] {
  return module.all('MemberExpression').filter((node) => {
    const isEnv = dotted(node.object) === 'process.env' && /^[A-Z]/.test(memberName(node) ?? '')
    const type = node.parent?.type
    return (
      isEnv &&
      (type === 'TSNonNullExpression' ||
        type === 'TSAsExpression' ||
        type === 'TemplateLiteral' ||
        (is(node.parent, 'CallExpression') &&
          /^(?:Number|parseInt)$/.test(calledName(node.parent) ?? '')))
    )
  })
}
