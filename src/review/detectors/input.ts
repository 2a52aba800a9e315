/** What the caller sent, used for more than it was meant for. */
import { type Effect, WRITES } from '../project/effects.ts'
import type { Origin } from '../project/request-values.ts'
import type { Module } from '../syntax/module.ts'
import {
  bare,
  type CallNode,
  dotted,
  type FunctionNode,
  functionAround,
  is,
  isFunction,
  type Node,
  type NodeOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { columnsOfCaller } from './column-names.ts'
import { objectOf, textsOf } from './common.ts'
import type { Claim, Detector, Look } from './detector.ts'

export const massAssignment: Detector = {
  id: 'mass-assignment',
  // What stands between the door and the table, a list of fields too, is not always seen.
  level: 'warning',
  consequence: 'The caller sets columns that no form shows: role, tenant, price, verified.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      if (WRITES.has(effect.does) && effect.sql === undefined) inspectWrite(look, effect)
      else if (WRITES.has(effect.does)) inspectStatement(look, effect)
    }
    for (const call of look.module.all('CallExpression')) inspectAssign(look, call)
  },
}

function inspectWrite(look: Look, effect: Effect): void {
  for (const given of writtenBy(look.module, effect)) {
    const origin = wholeBody(look, given)
    if (origin === undefined || origin.isChecked) continue
    look.report(effect.node, {
      message: `The caller's ${origin.name || 'body'} is written into ${effect.table ?? 'the table'} as it came.`,
      fix: `Name the fields, or let a schema cut them: ${effect.library.says.fields ?? '{ name: body.name, email: body.email }'}`,
      ...weightOf(origin),
      trail: origin.path,
    })
    return
  }
}

/** UPDATE users SET, and then whatever keys were sent. */
function inspectStatement(look: Look, effect: Effect): void {
  const origin = columnsOfCaller(look, effect)
  if (origin === undefined) return
  look.report(effect.node, {
    message: `Each key of the caller's ${origin.name || 'body'} is written into a column of ${effect.table ?? 'the table'}.`,
    fix: 'Name the columns: SET name = $1, email = $2',
    ...weightOf(origin),
    trail: origin.path,
  })
}

/** Where the route is not seen, a schema may stand before the handler. */
function weightOf({ path }: Origin): Pick<Claim, 'confidence'> {
  return { confidence: path.some(({ isRoute }) => isRoute === true) ? 'high' : 'medium' }
}

/** Where a call takes the values of columns. */
function writtenBy(module: Module, { segments, verb, library }: Effect): readonly Node[] {
  const values = segments.flatMap(({ name, args }) =>
    name === 'values' || name === 'set' ? (args ?? []) : [],
  )
  if (values.length > 0) return values.flatMap((each) => spreadsOf(each))
  const args = verb.args ?? []
  const [first, second] = args
  const data = first && propertyOf(objectOf(module, first), 'data')
  if (library.id === 'prisma') {
    const upsert = first && objectOf(module, first)
    return [data, propertyOf(upsert, 'create'), propertyOf(upsert, 'update')].flatMap((each) =>
      each ? spreadsOf(each) : [],
    )
  }
  const isById = /update|byId|replace|findOneAnd/i.test(verb.name) && second !== undefined
  const value = isById && library.id !== 'sequelize' && library.id !== 'knex' ? second : first
  const options = args[1]
  if (
    library.id === 'sequelize' &&
    options !== undefined &&
    propertyOf(objectOf(module, options), 'fields') !== undefined
  )
    return []
  return value === undefined ? [] : spreadsOf(value)
}

/** The value itself, or what is spread into it. */
function spreadsOf(node: Node): readonly Node[] {
  const at = bare(node)
  if (is(at, 'ArrayExpression')) return at.elements.flatMap((each) => (each ? spreadsOf(each) : []))
  if (!is(at, 'ObjectExpression')) return [at]
  return at.properties.flatMap((each) => {
    if (is(each, 'SpreadElement')) return [each.argument]
    return is(each, 'Property') && nameIs(each, '$set') ? spreadsOf(each.value) : []
  })
}

function nameIs(property: NodeOf<'Property'>, name: string): boolean {
  return (
    (property.key as { name?: string; value?: unknown }).name === name ||
    (property.key as { value?: unknown }).value === name
  )
}

/** req.body as a whole: not a field of it, nothing that was picked. */
function wholeBody(look: Look, node: Node): Origin | undefined {
  const at = bare(node)
  const made = objectOf(look.module, at)
  if (is(at, 'TemplateLiteral')) return undefined
  if (made !== undefined)
    return made.properties
      .map((each) => (is(each, 'SpreadElement') ? wholeBody(look, each.argument) : undefined))
      .find((each) => each !== undefined)
  const origin = look.requests.of(look.module, at)
  if (origin === undefined) return undefined
  const isWhole =
    /^(?:request\.|req\.)?(?:body|query|json|parseBody|input)?$/.test(origin.name) ||
    /^(?:body|query|dto|data|input|payload)$/i.test(origin.name)
  return isWhole &&
    origin.isPart !== true &&
    !/\bpick\b|\bomit\b|whitelist/i.test(look.module.source(functionAround(node) ?? node))
    ? origin
    : undefined
}

/** Object.assign(user, req.body), and then user.save() */
function inspectAssign(look: Look, call: CallNode): void {
  if (dotted(call.callee) !== 'Object.assign' || call.arguments.length < 2) return
  const [target, ...sources] = call.arguments
  if (target === undefined || is(bare(target), 'ObjectExpression')) return
  const origin = sources.map((each) => wholeBody(look, each)).find((each) => each !== undefined)
  const around = functionAround(call)
  if (origin === undefined || origin.isChecked || around === undefined) return
  // What may be set there is what the caller came to set.
  if (/settings?\b|config|preferences|options/i.test(look.module.source(target))) return
  if (!isSavedAfter(look, call, around)) return
  look.report(call, {
    message: `The caller's ${origin.name || 'body'} is copied over an entity that is saved afterwards.`,
    fix: 'Assign the fields by name, or let a schema cut what may be written.',
    ...weightOf(origin),
    trail: origin.path,
  })
}

const SAVES = /\.(?:save|update|persist|flush)\(/

/** Behind it, or behind a call of the function that it stands in. */
function isSavedAfter({ module, functions }: Look, call: CallNode, around: FunctionNode): boolean {
  if (SAVES.test(module.text.slice(call.end, around.end))) return true
  return functions.callers(around).some((caller) => {
    const outer = functionAround(caller.node)
    return outer !== undefined && SAVES.test(caller.module.text.slice(caller.node.end, outer.end))
  })
}

export const scatteredValidation: Detector = {
  id: 'scattered-validation',
  level: 'info',
  consequence:
    'What the types say is not what arrives: a string where a number is meant, an object where a string is (a query operator of a document store), megabytes where a name is.',
  check(look) {
    for (const effect of look.effects.in(look.module)) {
      if (!WRITES.has(effect.does) || effect.library.kind !== 'database') continue
      const origin = firstOrigin(look, effect)
      if (origin === undefined || origin.isChecked || isValidated(look, effect.node)) continue
      look.report(effect.node, {
        message: `The caller's ${origin.name} is written without any schema having looked at it.`,
        fix: `Parse it once, at the door: ${validatesOf(look, effect.node)}`,
        confidence: 'medium',
        trail: origin.path,
      })
    }
  },
}

const NESTED_MAX = 3

/** Of [req.params.id, req.body.name] each by itself: the first may be harmless. */
function partsOf(node: Node, depth: number): readonly Node[] {
  const at = bare(node)
  if (depth >= NESTED_MAX) return [node]
  if (is(at, 'ArrayExpression'))
    return at.elements.flatMap((each) => (each ? partsOf(each, depth + 1) : []))
  if (!is(at, 'ObjectExpression')) return [node]
  return at.properties.flatMap((each) =>
    is(each, 'Property') ? partsOf(each.value, depth + 1) : [each],
  )
}

function firstOrigin(look: Look, { segments, node }: Effect): Origin | undefined {
  const args = segments.flatMap(({ args: given }) => given ?? [])
  for (const argument of args.flatMap((each) => partsOf(each, 0))) {
    const origin = isFunction(bare(argument)) ? undefined : look.requests.of(look.module, argument)
    if (
      origin !== undefined &&
      /^(?:request\.|req\.)?(?:body|json|parseBody)\b/.test(origin.name) &&
      node.start <= argument.start
    )
      return origin
  }
  return undefined
}

const VALIDATES =
  /valid|schema|zod|\bz\.|joi|yup|celebrate|ajv|typebox|superstruct|sanitize|check\(['"]|\bbody\(['"]|assert|typeof |instanceof|\.test\(|\.match\(|parse\(/i

/** Something in the handler, or before it, looks at the input. */
function isValidated(look: Look, node: Node): boolean {
  for (let at = functionAround(node); at !== undefined; at = functionAround(at)) {
    if (VALIDATES.test(look.module.source(at))) return true
    const handler = look.handlers.of(at)
    if (handler === undefined) continue
    return handler.hasSchema || VALIDATES.test(textsOf(handler.route.module, handler.before))
  }
  return false
}

function validatesOf(look: Look, node: Node): string {
  const handler = functionAround(node) && look.handlers.of(functionAround(node) as Node)
  return handler?.web?.validates ?? 'const body = Body.parse(req.body)'
}

export const prototypePollution: Detector = {
  id: 'prototype-pollution',
  level: 'warning',
  consequence:
    'A key called __proto__ changes every object of the process: checks that read a missing field suddenly find one.',
  check(look) {
    for (const assignment of look.module.all('AssignmentExpression')) inspectKeys(look, assignment)
    for (const fn of [
      ...look.module.all('FunctionDeclaration'),
      ...look.module.all('ArrowFunctionExpression'),
      ...look.module.all('FunctionExpression'),
    ])
      inspectMerge(look, fn)
  },
}

/** target[a][b] = value, with keys of the caller's. */
function inspectKeys(look: Look, { left }: NodeOf<'AssignmentExpression'>): void {
  const member = bare(left)
  if (!is(member, 'MemberExpression') || !member.computed) return
  const inner = bare(member.object)
  if (!is(inner, 'MemberExpression') || !inner.computed) return
  const origin = look.requests.of(look.module, inner.property)
  if (origin === undefined || isGuardedKey(look.module, left)) return
  look.report(left, {
    message: `The caller's ${origin.name} names the object that is written to.`,
    fix: 'Use a Map, or Object.create(null), and refuse __proto__, constructor and prototype.',
    confidence: 'medium',
    trail: origin.path,
  })
}

/** for (const key in source) target[key] = merge(target[key], source[key]) */
function inspectMerge(look: Look, fn: Node): void {
  const { body, params } = fn as NodeOf<'FunctionDeclaration'>
  const name = (fn as NodeOf<'FunctionDeclaration'>).id?.name ?? nameOfArrow(fn)
  if (!body || params.length < 2 || name === undefined) return
  if (!/merge|extend|assign|deep|defaults|patch|set/i.test(name)) return
  const source = look.module.source(body)
  const copies =
    /for\s*\(\s*(?:const|let|var)\s+(\w+)\s+(?:in|of)\b/.exec(source)?.[1] ??
    /\.forEach\(\s*\(?(\w+)/.exec(source)?.[1]
  if (
    copies === undefined ||
    !new RegExp(`\\b${name}\\([\\s(]*\\w+\\[${copies}\\]`).test(source) ||
    !new RegExp(`\\w+\\[${copies}\\]\\s*=(?!=)`).test(source)
  )
    return
  if (/__proto__|hasOwn|constructor|Object\.create\(null\)|new Map/.test(source)) return
  look.report(fn, {
    level: 'info',
    message: `${name}() copies every key of one object into another, __proto__ included, and goes down into it.`,
    fix: "if (key === '__proto__' || key === 'constructor' || key === 'prototype') continue — or a library's merge that does",
    confidence: 'medium',
  })
}

function nameOfArrow({ parent }: Node): string | undefined {
  return is(parent, 'VariableDeclarator') && is(parent.id, 'Identifier')
    ? parent.id.name
    : undefined
}

function isGuardedKey(module: Module, node: Node): boolean {
  const around = functionAround(node)
  return (
    around !== undefined &&
    /__proto__|hasOwn|Object\.create\(null\)|new Map|\.includes\(|\.has\(/.test(
      module.text.slice(around.start, node.start),
    )
  )
}

export const redos: Detector = {
  id: 'redos',
  level: 'warning',
  consequence:
    'A text of thirty characters keeps the only thread busy for minutes: nobody else is served.',
  check(look) {
    for (const literal of look.module.all('Literal')) {
      if (literal.regex !== undefined && isExponential(literal.regex.pattern))
        reportPattern(look, literal, literal.regex.pattern)
    }
    for (const kind of ['NewExpression', 'CallExpression'] as const) {
      for (const node of look.module.all(kind))
        if (is(node.callee, 'Identifier') && node.callee.name === 'RegExp')
          inspectRegExp(look, node)
    }
  },
}

function reportPattern(look: Look, node: Node, pattern: string): void {
  look.report(node, {
    message: `/${pattern.length > 40 ? `${pattern.slice(0, 37)}...` : pattern}/ repeats a repetition: what does not match is tried in exponentially many ways.`,
    fix: 'Write it without the inner or the outer repetition ((\\w+\\s?)+ is [\\w\\s]+), and bound the length of the text before.',
    confidence: 'medium',
  })
}

function inspectRegExp(look: Look, node: NodeOf<'NewExpression' | 'CallExpression'>): void {
  const [first] = node.arguments
  const pattern = textOf(first)
  if (pattern !== undefined && isExponential(pattern)) {
    reportPattern(look, node, pattern)
    return
  }
  const origin = first && look.requests.of(look.module, first)
  if (origin === undefined || /escape/i.test(look.module.source(functionAround(node) ?? node)))
    return
  const isRun = !isForDatabase(look.module, node)
  look.report(node, {
    message: `The caller's ${origin.name} becomes a regular expression${isRun ? '' : ' of a query'}.`,
    ...(isRun
      ? {}
      : {
          consequence:
            'The database tries it on every row: an index does not help, and a pattern like (a+)+$ takes minutes.',
        }),
    fix: "RegExp.escape(text), or text.includes(part), or the database's own search",
    confidence: 'high',
    trail: origin.path,
  })
}

/** A filter of a document store: { name: new RegExp(text) }, and the same through a constant. */
function isForDatabase(module: Module, node: Node): boolean {
  const { parent } = node
  if (is(parent, 'Property') && parent.value === node) return true
  if (!is(parent, 'VariableDeclarator') || !is(parent.id, 'Identifier')) return false
  const binding = module.scopes.find(parent.id, parent.id.name)
  const uses = binding === undefined ? [] : module.references(binding)
  return uses.some(
    (use) => is(use.parent, 'Property') && use.parent.value === use && use !== parent.id,
  )
}

/** (a+)+ and (a+-?)+ where nothing that must be there stands between two turns. */
function isExponential(pattern: string): boolean {
  const plain = pattern
    .replaceAll(/\\[^wsdWSD]/g, 'x')
    .replaceAll(/\[(?:\\.|[^\]])*\]/g, (text) => (text.length > 2 ? 'w' : 'x'))
  return (
    /\((?:\?:)?(?:\\[wsd]|[\w.])[+*]\)[+*]/.test(plain) ||
    /\((?:\?:)?\\?[wsd.][+*]\\?[wsd.]?[?*]\)[+*]/.test(plain) ||
    /\((?:\?:)?(?:\\[wsd]|[\w.])[+*](?:\\?[^\\()[\]|*+?][?*])+\)[+*](?=.)/.test(plain)
  )
}
