/** Rows that leave with a column that nobody outside may see. */
import type { Effect } from '../project/effects.ts'
import { stepOf } from '../project/functions.ts'
import { decoratorOf, type Handler } from '../project/handlers.ts'
import { prismaModels } from '../project/prisma-schema.ts'
import type { Project } from '../project/project.ts'
import { routeStep } from '../project/request-values.ts'
import type { Module } from '../syntax/module.ts'
import {
  awaited,
  bare,
  calledName,
  dotted,
  type FunctionNode,
  functionAround,
  is,
  isInside,
  type Node,
  type NodeOf,
  nameOf,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import type { Detector, TreeLook } from './detector.ts'

export const overExposure: Detector = {
  id: 'over-exposure',
  level: 'warning',
  consequence:
    'Whoever may ask for the row is sent its hash or its token as well, and so are logs and caches on the way.',
  checkTree(look) {
    const secrets = new Secrets(look.project)
    const found = look.handlers.all
      .filter(({ module }) => look.modules.includes(module))
      .flatMap((handler) => sentBy(look, handler, secrets))
    // One query is one finding, however many routes hand its rows on.
    for (const routes of Map.groupBy(found, ({ effect }) => effect.node).values())
      report(look, routes, secrets)
  },
}

/** A row that is handed on, and where it was read. */
interface Sent {
  readonly effect: Effect
  readonly node: Node
  readonly module: Module
}

interface Route extends Sent {
  readonly handler: Handler
  readonly reply: Node
}

function sentBy(look: TreeLook, handler: Handler, secrets: Secrets): readonly Route[] {
  const { module, node } = handler
  return repliesOf(module, node).flatMap((reply) => {
    const sent = rowsOf(look, module, reply, 0)
    if (sent === undefined || isCut(module.source(node)) || isCut(aroundText(sent))) return []
    return secrets.of(sent.effect, handler).length === 0 ? [] : [{ ...sent, handler, reply }]
  })
}

function report(look: TreeLook, routes: readonly Route[], secrets: Secrets): void {
  const [first] = routes
  if (first === undefined) return
  const { effect, handler, reply } = first
  const others = new Set(routes.map((each) => each.handler)).size - 1
  const also = others === 0 ? '' : ` So do ${others} more.`
  look.reportIn(handler.module, reply, {
    message: `The reply holds whole rows of ${effect.table}, ${secrets.of(effect, handler).join(' and ')} included.${also}`,
    fix: fixOf(effect.library.id),
    confidence: 'high',
    trail: [routeStep(handler), stepOf(effect)],
  })
}

function fixOf(library: string): string {
  if (library === 'prisma')
    return 'select: { id: true, name: true }, or omit: { passwordHash: true }'
  if (library === 'drizzle') return 'db.select({ id: users.id, name: users.name })'
  if (library === 'mongoose') return ".select('name email'), and select: false at the field"
  return 'Name the fields that leave, or select: false at the column'
}

/** What is given to res.json(…) and the like, and what the handler itself returns. */
function repliesOf(module: Module, fn: FunctionNode): readonly Node[] {
  const calls = module
    .all('CallExpression')
    .filter((call) => isInside(call, fn) && isReply(call))
    .flatMap(({ arguments: [first] }) => first ?? [])
  const bodies = module
    .all('AssignmentExpression')
    .filter(
      (each) => isInside(each, fn) && /^ctx\.(?:response\.)?body$/.test(dotted(each.left) ?? ''),
    )
    .map(({ right }) => right)
  return [...calls, ...bodies, ...returnsOf(module, fn)]
}

function isReply(call: NodeOf<'CallExpression'>): boolean {
  if (!/^(?:json|send)$/.test(calledName(call) ?? '')) return false
  let at: Node = bare(call.callee)
  while (is(at, 'MemberExpression') || is(at, 'CallExpression'))
    at = bare(is(at, 'MemberExpression') ? at.object : at.callee)
  return /^(?:res|response|reply|c|ctx)$/.test(nameOf(at) ?? '')
}

function returnsOf(module: Module, fn: FunctionNode): readonly Node[] {
  const { body } = fn
  if (body && !is(body, 'BlockStatement')) return [body]
  return module
    .all('ReturnStatement')
    .filter((each) => functionAround(each) === fn)
    .flatMap(({ argument }) => argument ?? [])
}

const CALLS_MAX = 2

/** The query whose rows an expression is, through a variable, a field of an object and functions that return it. */
function rowsOf(look: TreeLook, module: Module, node: Node, depth: number): Sent | undefined {
  const at = awaited(node)
  if (is(at, 'Identifier')) {
    const binding = module.binding(at)
    const { declaration } = binding ?? {}
    const init =
      binding?.path.length === 0 && is(declaration, 'VariableDeclarator') ? declaration.init : null
    return init ? rowsOf(look, module, init, depth) : undefined
  }
  if (is(at, 'ObjectExpression')) {
    const values = at.properties.flatMap((each) => (is(each, 'Property') ? each.value : []))
    return at.properties.length === values.length
      ? values.map((each) => rowsOf(look, module, each, depth)).find(Boolean)
      : undefined
  }
  if (!is(at, 'CallExpression')) return undefined
  const effect = look.effects.in(module).find((each) => each.node === at)
  if (effect !== undefined) return effect.does === 'read' ? { effect, node: at, module } : undefined
  const target = depth < CALLS_MAX ? look.functions.target({ module, node: at }) : undefined
  const inner = target && returnsOf(target.module, target.node)
  return inner?.map((each) => rowsOf(look, target?.module ?? module, each, depth + 1)).find(Boolean)
}

/** Something takes fields out between the query and the reply. */
function isCut(source: string): boolean {
  return /\bdelete\s+\w+\.|\bomit\w*\(|\bpick\w*\(|exclude|sanitize|serialize|toJSON|plainTo|instanceTo|Dto\b|DTO\b|\.(?:password\w*|secret\w*)\s*=|@?UseInterceptors|Presenter|\.parse\(/.test(
    source,
  )
}

function aroundText({ module, node }: Sent): string {
  const fn = functionAround(node)
  return fn === undefined ? '' : module.source(fn)
}

const SECRET =
  /passw(?:or)?d|passphrase|\bpwd|secret|salt$|(?:token|key|code)_?hash|^hash$|private_?key|reset_?token|recovery_?codes?/i
/** About a secret, and none: when it was changed, whether there is one; or one that the caller owns and reads. */
const ABOUT =
  /(?:At|_at|On|_on|Date|Required|Enabled|Count|Id|_id|Expires|Expiry)$|^(?:has|is|must|needs)[A-Z_]|^(?:database|db)_?[A-Zp]/

function areSecret(names: readonly string[]): readonly string[] {
  return names.filter((name) => SECRET.test(name) && !ABOUT.test(name))
}

/** Columns of a table that nobody outside may see, where its definition is in the tree. */
class Secrets {
  readonly #project: Project
  readonly #known = new Map<string, readonly string[]>()

  constructor(project: Project) {
    this.#project = project
  }

  of(effect: Effect, handler: Handler): readonly string[] {
    const { table, library } = effect
    if (table === undefined || choosesFields(effect)) return []
    const isDeclared = isOfSchema(handler)
    const key = `${library.id} ${table} ${isDeclared}`
    const known =
      this.#known.get(key) ??
      areSecret(isDeclared ? this.#fields(table) : this.#columns(library.id, table))
    this.#known.set(key, known)
    return known
  }

  /** GraphQL sends what the class declares, whatever else the row has. */
  #fields(table: string): readonly string[] {
    return this.#inModules((module) => ofEntity(module, table, /^Field$/))
  }

  #columns(library: string, table: string): readonly string[] {
    if (library === 'prisma') return this.#ofPrisma(table)
    if (library === 'typeorm') return this.#inModules((module) => ofEntity(module, table))
    if (library === 'drizzle') return this.#inModules((module) => ofDrizzle(module, table))
    return library === 'mongoose' ? this.#inModules((module) => ofMongoose(module, table)) : []
  }

  #inModules(find: (module: Module) => readonly string[]): readonly string[] {
    for (const module of this.#project.modules) {
      const found = find(module)
      if (found.length > 0) return found
    }
    return []
  }

  #ofPrisma(table: string): readonly string[] {
    const omits = this.#project.modules.some(({ text }) =>
      /new PrismaClient\([^;]*\bomit\s*:/.test(text),
    )
    if (omits) return []
    return this.#project.paths
      .filter((path) => path.endsWith('.prisma'))
      .flatMap((path) => prismaModels(this.#project.text(path) ?? ''))
      .filter(({ name }) => name.toLowerCase() === table.toLowerCase())
      .flatMap(({ fields }) => fields.filter(({ type }) => type === 'String'))
      .map(({ name }) => name)
  }
}

/** A query of GraphQL: the type that it returns names its fields. */
function isOfSchema({ module, method }: Handler): boolean {
  return (
    /^(?:QUERY|MUTATION|SUBSCRIPTION|RESOLVEFIELD)$/.test(method) &&
    /['"](?:type-graphql|@nestjs\/graphql)['"]/.test(module.text)
  )
}

/** It names what it wants. */
function choosesFields({ segments, verb, library, sql }: Effect): boolean {
  if (sql !== undefined) return true
  const chosen = ['select', 'omit', 'columns', 'fields', 'attributes', 'projection']
  const options = (verb.args ?? []).some((each) =>
    chosen.some((field) => propertyOf(each, field) !== undefined),
  )
  const selects = segments.some(
    ({ name, args }) => /^(?:select|project|pick|addSelect)$/.test(name) && (args?.length ?? 0) > 0,
  )
  const isProjected = library.id === 'mongoose' && (verb.args?.length ?? 0) > 1
  return options || selects || isProjected
}

/** @Column() passwordHash: string */
function ofEntity(module: Module, table: string, needs = /Column$/): readonly string[] {
  const entity = module
    .all('ClassDeclaration')
    .find(
      (each) =>
        each.id?.name === table &&
        each.decorators?.some((decorator) => decoratorOf(decorator).name === 'Entity'),
    )
  return (entity?.body.body ?? []).flatMap((each) => {
    if (!is(each, 'PropertyDefinition')) return []
    const decorators = (each.decorators ?? []).map(decoratorOf)
    const isHidden = decorators.some(
      ({ name, args }) =>
        name === 'Exclude' || args.some((given) => propertyOf(given, 'select') !== undefined),
    )
    const isColumn = decorators.some(({ name }) => needs.test(name))
    return isColumn && !isHidden ? (nameOf(each.key) ?? []) : []
  })
}

/** const users = pgTable('users', { passwordHash: text() }) */
function ofDrizzle(module: Module, table: string): readonly string[] {
  const made = module
    .all('CallExpression')
    .find(
      (each) =>
        /^(?:pg|mysql|sqlite)Table$/.test(calledName(each) ?? '') &&
        is(each.parent, 'VariableDeclarator') &&
        nameOf(each.parent.id) === table,
    )
  return made === undefined ? [] : keysOf(made.arguments[1])
}

/** mongoose.model('User', new Schema({ password: String })) */
function ofMongoose(module: Module, table: string): readonly string[] {
  const isHere = module
    .all('CallExpression')
    .some((each) => calledName(each) === 'model' && textOf(each.arguments[0]) === table)
  if (!isHere || /toJSON|transform/.test(module.text)) return []
  return module
    .all('NewExpression')
    .filter((each) => calledName(each) === 'Schema')
    .flatMap((each) => {
      const shape = each.arguments[0]
      return keysOf(shape).filter(
        (key) => propertyOf(propertyOf(shape, key), 'select') === undefined,
      )
    })
}

function keysOf(node: Node | undefined): readonly string[] {
  const at = node && bare(node)
  return is(at, 'ObjectExpression')
    ? at.properties.flatMap((each) => (is(each, 'Property') ? (nameOf(each.key) ?? []) : []))
    : []
}
