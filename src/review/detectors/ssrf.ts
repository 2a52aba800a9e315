/** Requests that go where the caller says. */
import type { Effect } from '../project/effects.ts'
import { functionName, labelOf } from '../project/functions.ts'
import type { Origin } from '../project/request-values.ts'
import { functionOf } from '../project/value.ts'
import type { Binding } from '../syntax/bindings.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  calledName,
  functionAround,
  is,
  memberName,
  type Node,
  type NodeOf,
  parameterOf,
  propertyOf,
  textOf,
  typeOf,
} from '../syntax/node.ts'
import { objectOf } from './common.ts'
import type { Detector, Look } from './detector.ts'

export const ssrf: Detector = {
  id: 'ssrf',
  level: 'warning',
  consequence:
    'The caller makes the server ask any address: cloud metadata, internal panels, the database port.',
  check(look) {
    for (const test of look.module.all('BinaryExpression')) inspectNameCheck(look, test)
    for (const effect of look.effects.in(look.module)) {
      if (effect.does !== 'request' || !/^(?:fetch|axios|got)$/.test(effect.library.id)) continue
      const url = urlOf(look.module, effect)
      const origin = url && hostOrigin(look, look.module, url)
      if (origin === undefined || isAllowed(look.module, effect.node)) continue
      if (url !== undefined && isGuardedByType(look, url)) continue
      look.report(effect.node, {
        message: `The caller's ${origin.name} says which server is asked.`,
        fix: 'Choose the host from a list, by a key that the caller names; or resolve the name, refuse private addresses, and connect to what was resolved, redirects included.',
        confidence: 'high',
        // Whoever may ask is seldom seen: the owner of the machine, another server, everybody.
        level: 'warning',
        trail: origin.path,
      })
    }
  },
}

const JUDGES = /allow|safe|valid|ssrf|private|public|internal|external|permit|block/i

/** isAllowed(url) by hostname !== 'localhost': the same machine has a hundred other names. */
function inspectNameCheck(
  look: Look,
  { type, start, end, operator, left, right, parent }: NodeOf<'BinaryExpression'>,
): void {
  const name = textOf(right)
  const host = bare(left)
  const what = is(host, 'MemberExpression')
    ? memberName(host)
    : is(host, 'Identifier')
      ? host.name
      : ''
  if (!/^!==?$/.test(operator) || name !== 'localhost' || !/^host(?:name)?$/i.test(what ?? ''))
    return
  const around = parent && functionAround(parent)
  const judged = around === undefined ? undefined : functionName(around)
  const source = around === undefined ? '' : look.module.source(around)
  if (judged === undefined || !JUDGES.test(judged) || !/new URL\(|URL\.parse/.test(source)) return
  if (/lookup|resolve4|BlockList|ipaddr|isIP|isPrivate|range|\.has\(|\.includes\(/i.test(source))
    return
  look.report(
    { type, start, end },
    {
      message: `${judged}() refuses this machine by its name: 127.1, [::1], 0x7f000001 and every name that resolves to 10.0.0.0/8 pass.`,
      fix: 'Resolve the name, refuse every address that is not public (net.BlockList), and connect to what was resolved.',
      confidence: 'medium',
    },
  )
}

function urlOf(module: Module, { verb }: Effect): Node | undefined {
  const [first] = verb.args ?? []
  if (first === undefined) return undefined
  const options = objectOf(module, first)
  if (options === undefined) return first
  return propertyOf(options, 'baseURL') ?? propertyOf(options, 'url')
}

/** Only where the caller writes the start of it: behind a fixed host he chooses a path. */
function hostOrigin(look: Look, module: Module, node: Node, depth = 0): Origin | undefined {
  const at = bare(node)
  if (depth > HOST_STEPS_MAX) return undefined
  const next = (inner: Node) => hostOrigin(look, module, inner, depth + 1)
  if (is(at, 'TemplateLiteral')) {
    const head = at.quasis[0]?.value.raw ?? ''
    const [first] = at.expressions
    return first !== undefined && /^(?:https?:\/\/)?$/.test(head) ? next(first) : undefined
  }
  if (is(at, 'BinaryExpression'))
    return next(/^https?:\/\/$/.test(textOf(at.left) ?? '') ? at.right : at.left)
  if (is(at, 'NewExpression') && calledName(at) === 'URL') {
    const [path, base] = at.arguments
    return base !== undefined || path === undefined ? undefined : next(path)
  }
  if (is(at, 'CallExpression')) {
    const start = startOf(at)
    if (start !== undefined) return next(start)
  }
  if (is(at, 'MemberExpression') && /^(?:id|key|slug)$/i.test(memberName(at) ?? ''))
    return undefined
  const binding = is(at, 'Identifier') ? module.binding(at) : undefined
  const init = is(binding?.declaration, 'VariableDeclarator') ? binding.declaration.init : undefined
  if (init && binding?.path.length === 0) return next(init)
  if (binding?.kind === 'parameter' && binding.path.length === 0)
    return hostFromCallers(look, module, at, binding, depth)
  return look.requests.of(module, at)
}

/** What the text that a call makes begins with: BASE.concat(path), [BASE, path].join('/'). */
function startOf(call: CallNode): Node | undefined {
  const name = calledName(call) ?? ''
  const object = is(call.callee, 'MemberExpression') ? bare(call.callee.object) : undefined
  if (/^(?:concat|replace|replaceAll)$/.test(name)) return object
  if (name === 'join' && is(object, 'ArrayExpression')) return object.elements[0] ?? undefined
  return name === 'resolve' && call.arguments.length === 2 ? call.arguments[0] : undefined
}

const HOST_STEPS_MAX = 8

function hostFromCallers(
  look: Look,
  module: Module,
  node: Node,
  { declaration }: Binding,
  depth: number,
): Origin | undefined {
  const fn = functionOf(declaration)
  const index = fn?.params.indexOf(declaration) ?? -1
  const callers = fn === undefined ? [] : look.functions.callers(fn).slice(0, CALLERS_MAX)
  if (fn === undefined || callers.length === 0) return look.requests.of(module, node)
  for (const call of callers) {
    const given = call.node.arguments[index]
    const found = given && hostOrigin(look, call.module, given, depth + 2)
    const step = { module: call.module, node: call.node, label: labelOf({ node: fn }) }
    if (found !== undefined) return { ...found, path: [...found.path, step] }
  }
  return undefined
}

const CALLERS_MAX = 12

/** A class or a schema of the input that asks for a public address: @IsSafeUrl() url. */
function isGuardedByType({ module, values }: Look, url: Node): boolean {
  const root = module
    .all('Identifier')
    .find(({ start, end }) => start === bare(url).start && end <= bare(url).end)
  const binding = root && module.binding(root)
  const type = binding && typeOf(parameterOf(binding.declaration))?.name
  const made = type === undefined ? undefined : values.instanceOfTypeName(module, type, undefined)
  const of = made?.kind === 'instance' ? made.of : undefined
  return of?.kind === 'class' && GUARDED.test(of.module.source(of.node))
}

const GUARDED = /safe|ssrf|public|private|internal|allow/i

function isAllowed(module: Module, node: Node): boolean {
  if (/dispatcher|agent|ssrf|safe/i.test(module.source(node))) return true
  const around = functionAround(node)
  const before = around === undefined ? '' : module.text.slice(around.start, node.start)
  return /allow|whitelist|isPrivate|safe|secur|redirect|valid|hostname|\.host\b|valid(?:ate)?(?:d)?(?:Url|Host)|startsWith\(|\.indexOf\(|\.includes\(|\.has\(|\.test\(|ssrf|assert|isPublic/i.test(
    before,
  )
}
