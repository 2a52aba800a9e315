/** What a call does to the world, by the tables of the libraries: which rows, which table, over which handle. */

import { libraries, platform } from '../libraries/libraries.ts'
import { isFrom, type Library, type Verb } from '../libraries/library.ts'
import type { Module } from '../syntax/module.ts'
import {
  awaited,
  bare,
  dotted,
  is,
  isFunction,
  type Node,
  type NodeOf,
  nameOf,
  outside,
  propertyOf,
  textOf,
} from '../syntax/node.ts'
import { chainOf, continues, isNoStatement, type Link, type Segment } from './chain.ts'
import type { Project } from './project.ts'
import { type SqlText, sqlFacts, sqlTextOf } from './sql-text.ts'
import type { Value, Values } from './value.ts'

export interface Handle {
  readonly library: Library
  /** Given by a transaction to its callback. */
  readonly isTransaction: boolean
  readonly table: string | undefined
  /** Calls that were made before: const qb = repository.createQueryBuilder(). */
  readonly before: readonly Segment[]
  /** Guessed from the name alone. */
  readonly guessed: boolean
}

export interface Effect {
  readonly module: Module
  readonly node: Node
  readonly library: Library
  readonly does: Verb['does']
  readonly rows: 'one' | 'many' | undefined
  readonly table: string | undefined
  readonly segments: readonly Segment[]
  readonly handle: Handle
  readonly sql: SqlText | undefined
  /** The call that the verb was found in. */
  readonly verb: Segment
}

export type Writing = 'insert' | 'upsert' | 'update' | 'delete'
export const WRITES: ReadonlySet<string> = new Set<Writing>([
  'insert',
  'upsert',
  'update',
  'delete',
])
export const READS: ReadonlySet<string> = new Set(['read', 'count'])
/** Everything that waits for another machine than the database. */
export const OUTSIDE: ReadonlySet<string> = new Set(['request', 'pay', 'mail', 'store'])

export function isQuery({ does }: Effect): boolean {
  return WRITES.has(does) || READS.has(does) || does === 'sql'
}

const GENERIC_NAMES = /^(?:db|tx|trx|database|client|orm|conn|connection|manager|em|sql)$/
const TRANSACTION_NAME =
  /transaction|(?:^|[a-z])(?:Tx|Trx)\b|^(?:inTx|runTx|withTx)|[a-z]Transaction/

const FACTORY = /^(?:create|extend|instance|defaults)$/

export class Effects {
  readonly #project: Project
  readonly #values: Values
  readonly #ofModule = new Map<Module, readonly Effect[]>()
  readonly #handles = new Map<Node, Handle | undefined>()
  readonly #nearby = new Map<string, readonly Library[]>()

  constructor(project: Project, values: Values) {
    this.#project = project
    this.#values = values
  }

  in(module: Module): readonly Effect[] {
    const known = this.#ofModule.get(module)
    if (known !== undefined) return known
    const calls = [...module.all('CallExpression'), ...module.all('TaggedTemplateExpression')]
    const made = calls
      .filter((node) => !continues(node))
      .flatMap((node) => this.#effect(module, node) ?? [])
      .sort((left, right) => left.node.start - right.node.start)
    const once = made.filter(
      (effect) => effect.library.kind !== 'http' || !made.some((other) => isPartOf(effect, other)),
    )
    this.#ofModule.set(module, once)
    return once
  }

  within(module: Module, outer: Node): readonly Effect[] {
    return this.in(module).filter(({ node }) => node.start >= outer.start && node.end <= outer.end)
  }

  #effect(module: Module, node: Node): Effect | undefined {
    const chain = chainOf(node)
    const root = chain[0] as Link
    if (
      is(root.node, 'Identifier') &&
      root.node.name === 'fetch' &&
      chain[1]?.segment?.name === '()'
    ) {
      if (module.binding(root.node) === undefined) return this.#platformEffect(module, node, chain)
    }
    for (const [index, link] of chain.entries()) {
      if (index > 4 || link.segment?.args !== undefined) break
      const handle = this.handle(module, link.node)
      if (handle === undefined) continue
      const after = chain.slice(index + 1).map(({ segment }) => segment as Segment)
      const effect = this.#classify(module, node, handle, [...handle.before, ...after])
      if (effect !== undefined) return effect
    }
    return this.#guess(module, node, chain)
  }

  #platformEffect(module: Module, node: Node, chain: readonly Link[]): Effect {
    const verb = chain[1]?.segment as Segment
    const handle = {
      library: platform,
      isTransaction: false,
      table: undefined,
      before: [],
      guessed: false,
    }
    return {
      module,
      node,
      library: platform,
      does: 'request',
      rows: undefined,
      table: undefined,
      segments: [verb],
      handle,
      sql: undefined,
      verb,
    }
  }

  /** Where the origin of a handle is not seen: by its name, and by what is called on it. */
  #guess(module: Module, node: Node, chain: readonly Link[]): Effect | undefined {
    for (const [index, link] of chain.entries()) {
      if (index > 3 || link.segment?.args !== undefined) return undefined
      const name = link.segment?.name ?? nameOf(link.node)
      if (name === undefined || chain[index + 1] === undefined) continue
      const bareName = name.replace(/^#|^_/, '')
      for (const library of this.#librariesOf(module)) {
        const usual = library.usualNames?.test(bareName) === true
        if (!usual && !(library.kind === 'database' && GENERIC_NAMES.test(bareName))) continue
        const after = chain.slice(index + 1).map(({ segment }) => segment as Segment)
        if (!usual && !fitsShape(library, after)) continue
        const handle = {
          library,
          isTransaction: /^(?:tx|trx)$/.test(bareName),
          table: undefined,
          before: [],
          guessed: true,
        }
        const effect = this.#classify(module, node, handle, after)
        if (effect !== undefined) return effect
      }
    }
    return undefined
  }

  #librariesOf(module: Module): readonly Library[] {
    const { folder, dependencies } = this.#project.packageOf(module)
    const known = this.#nearby.get(folder)
    if (known !== undefined) return known
    const root = this.#project.packages.at('')?.dependencies ?? new Set()
    const names = [...dependencies, ...root]
    const found = libraries.filter((library) => names.some((name) => isFrom(library, name)))
    this.#nearby.set(folder, found)
    return found
  }

  #classify(
    module: Module,
    node: Node,
    handle: Handle,
    segments: readonly Segment[],
  ): Effect | undefined {
    const { library } = handle
    const { verb, found } = strongest(library, segments)
    const first = segments[0]
    if (found === undefined && first === undefined) return undefined
    const what = found ?? (startsLazily(library, segments) ? library.chainDoes : undefined)
    const segment = verb ?? (first as Segment)
    if (what === undefined || isNoStatement(library, segments, segment)) return undefined
    const isSent =
      library.sentBy === undefined || segments.some(({ name }) => library.sentBy?.includes(name))
    if (!isSent && what.does !== 'transaction') return undefined
    const sql = what.does === 'sql' ? sqlTextOf(module, segment) : undefined
    const facts = sql && sqlFacts(sql.text)
    const isOne =
      segments.some(({ name }) => library.oneRow?.includes(name)) || facts?.rows === 'one'
    return {
      module,
      node,
      library,
      does: facts?.does ?? what.does,
      rows: isOne ? 'one' : what.rows,
      table: facts?.table ?? tableOf(handle, segments, segment),
      segments,
      handle,
      sql,
      verb: segment,
    }
  }

  /** The handle that an expression is; undefined for everything else. */
  handle(module: Module, node: Node): Handle | undefined {
    const at = awaited(node)
    if (this.#handles.has(at)) return this.#handles.get(at)
    this.#handles.set(at, undefined)
    const found = this.#handleOfValue(this.#values.of(module, at))
    this.#handles.set(at, found)
    return found
  }

  #handleOfValue(value: Value | undefined, depth = 0): Handle | undefined {
    if (value === undefined || depth > 6) return undefined
    if (value.kind === 'outside') return exportHandle(value, true)
    if (value.kind === 'class') {
      const found = this.#values
        .ancestors(value)
        .map((each) => exportHandle(each, false))
        .find(Boolean)
      return found && { ...found, table: nameOf(value.node.id) }
    }
    if (value.kind === 'instance') {
      const of =
        value.of.kind === 'outside'
          ? exportHandle(value.of, false)
          : this.#handleOfValue(value.of, depth + 1)
      return (
        of && {
          ...of,
          table: value.typeArgument ?? of.table,
          isTransaction: isTransactionType(value.of),
        }
      )
    }
    if (value.kind === 'result') return this.#handleOfResult(value, depth)
    return value.kind === 'parameter' ? this.#handleOfParameter(value) : undefined
  }

  #handleOfResult(
    { of, module, node }: Value & { kind: 'result' },
    depth: number,
  ): Handle | undefined {
    if (of?.kind === 'outside') {
      const made = exportHandle(of, false)
      // What fetch() and got() give is a reply; only a factory gives a client.
      const isReply = made?.library.kind === 'http' && !FACTORY.test(of.path.at(-1) ?? '')
      const named = tableArgument(chainOf(node).flatMap(({ segment }) => segment ?? []))
      if (made !== undefined && !isReply)
        return { ...made, table: textOf(node.arguments[0]) ?? named ?? made.table }
    }
    if (of?.kind === 'function') {
      const returned = returnedBy(of.node)
      return returned && this.#handleOfValue(this.#values.of(of.module, returned), depth + 1)
    }
    const chain = chainOf(node)
    for (const [index, link] of chain.entries()) {
      if (index > 3 || link.segment?.args !== undefined) return undefined
      const handle = this.handle(module, link.node)
      if (handle === undefined) continue
      const before = [
        ...handle.before,
        ...chain.slice(index + 1).map(({ segment }) => segment as Segment),
      ]
      // What was awaited is rows, and no longer something that can be asked.
      if (chain.some((each) => isAwaited(each.node)) && lasting(before).length > 0) return undefined
      return handle.library.kind === 'database' && givesHandle(before)
        ? {
            ...handle,
            before: lasting(before),
            table: tableArgument(before) ?? handle.table,
            isTransaction: before.some(({ name }) => name === 'transaction'),
          }
        : undefined
    }
    return undefined
  }

  /** The parameter of a callback that a transaction is opened for. */
  #handleOfParameter({
    binding,
    around,
    module,
  }: Value & { kind: 'parameter' }): Handle | undefined {
    if (binding.path.length > 0) return undefined
    const call = outside(around)
    if (!is(call, 'CallExpression') || !call.arguments.includes(around)) return undefined
    const name = dotted(call.callee) ?? ''
    const last = name.split('.').at(-1) ?? ''
    const chain = chainOf(call)
    for (const link of chain.slice(0, 4)) {
      if (link.segment?.args !== undefined) break
      const handle = this.handle(module, link.node)
      const opens = chain.some(
        ({ segment }) =>
          segment !== undefined && handle?.library.verbs[segment.name]?.does === 'transaction',
      )
      if (handle !== undefined && opens) return { ...handle, isTransaction: true, before: [] }
    }
    if (!TRANSACTION_NAME.test(last) || binding.declaration !== around.params[0]) return undefined
    const [library] = this.#librariesOf(module).filter(({ kind }) => kind === 'database')
    return library && { library, isTransaction: true, table: undefined, before: [], guessed: true }
  }
}

function exportHandle(
  { source, path }: Value & { kind: 'outside' },
  itself: boolean,
): Handle | undefined {
  const library = libraries.find((each) => isFrom(each, source))
  if (library === undefined) return undefined
  const names = path.filter((each) => each !== 'default' && each !== '#')
  const full = names.join('.')
  const last = names.at(-1) ?? 'default'
  if (itself && library.kind === 'database' && names.length > 0 && !/^[a-z]/.test(last))
    return undefined
  const fits =
    library.handles.includes('*') ||
    library.handles.includes(full || 'default') ||
    library.handles.includes(last)
  if (!fits) return undefined
  return { library, isTransaction: false, table: undefined, before: [], guessed: false }
}

function isTransactionType(value: Value): boolean {
  return value.kind === 'outside' && /transaction/i.test(value.path.at(-1) ?? '')
}

/** `(await fetch(url)).json()` asks once, and that is the inner call. */
function isPartOf(effect: Effect, other: Effect): boolean {
  return effect !== other && effect.library.kind === 'http' && effect.verb.node === other.node
}

function isAwaited(node: Node): boolean {
  return is(outside(node), 'AwaitExpression')
}

const GIVES =
  /^(?:connect|getConnection|acquire|reserve|createQueryRunner|createQueryBuilder|getRepository|getTreeRepository|getCustomRepository|getMongoRepository|startSession|transaction|fork|selectFrom|insertInto|updateTable|deleteFrom|select|from|query|model|collection|db|withRepository|\(\)|find|where|clone)$/

function givesHandle(before: readonly Segment[]): boolean {
  return (
    before.every(({ name, args }) => args === undefined || GIVES.test(name) || name.length > 0) &&
    before.some(({ name }) => GIVES.test(name))
  )
}

const PASSING =
  /^(?:connect|getConnection|acquire|reserve|createQueryRunner|getRepository|getTreeRepository|getCustomRepository|getMongoRepository|startSession|transaction|fork|model|collection|db)$/

/** Taking a connection or a repository is no part of the statement that follows. */
function lasting(before: readonly Segment[]): readonly Segment[] {
  return before.every(({ name, args }) => args === undefined || PASSING.test(name)) ? [] : before
}

function tableArgument(segments: readonly Segment[]): string | undefined {
  const found = segments.find(({ name }) => /^(?:get\w*Repository|model|collection)$/.test(name))
  const [first] = found?.args ?? []
  return first && (textOf(first) ?? nameOf(first))
}

function returnedBy(
  fn: Value & { kind: 'function' } extends { node: infer N } ? N : never,
): Node | undefined {
  const { body } = fn
  if (!body) return undefined
  if (!is(body, 'BlockStatement')) return body
  const found = body.body.find((each) => is(each, 'ReturnStatement'))
  return is(found, 'ReturnStatement') ? (found.argument ?? undefined) : undefined
}

const STRENGTH: Readonly<Record<string, number>> = {
  transaction: 5,
  insert: 4,
  upsert: 4.5,
  update: 4,
  delete: 4,
  count: 3,
  sql: 3,
  read: 2,
}

function strongest(
  library: Library,
  segments: readonly Segment[],
): { verb?: Segment; found?: Verb } {
  let best: { verb?: Segment; found?: Verb } = {}
  for (const segment of segments) {
    if (segment.args === undefined) continue
    const found = Object.hasOwn(library.verbs, segment.name)
      ? library.verbs[segment.name]
      : undefined
    const tagged =
      segment.name === '`' && library.id === 'postgres.js'
        ? ({ does: 'sql', rows: 'many' } as const)
        : undefined
    const verb = found ?? tagged
    if (verb && (STRENGTH[verb.does] ?? 1) > (best.found ? (STRENGTH[best.found.does] ?? 1) : 0))
      best = { verb: segment, found: verb }
  }
  return best
}

function startsLazily(library: Library, segments: readonly Segment[]): boolean {
  const [first] = segments
  if (library.chainDoes === undefined || first === undefined) return false
  if (
    /^(?:raw|ref|schema|fn|client|destroy|migrate|seed|batchInsert|on|queryBuilder|isTransaction)$/.test(
      first.name,
    )
  )
    return false
  return (
    first.args !== undefined &&
    /^(?:\(\)|select|from|where|table|first|into)$/.test(first.name) &&
    !isFunction(first.args[0]) &&
    (first.name !== '()' || isTableName(first.args[0]))
  )
}

/** knex('orders'), knex(TABLE); knex({ client: 'pg' }) makes a handle. */
function isTableName(node: Node | undefined): boolean {
  return node !== undefined && !is(bare(node), 'ObjectExpression')
}

/** Whether calls on a handle of a general name look like this library's. */
function fitsShape(library: Library, segments: readonly Segment[]): boolean {
  const [first, second] = segments
  if (library.id === 'prisma') {
    if (first?.name.startsWith('$')) return true
    return (
      first !== undefined &&
      first.args === undefined &&
      second?.args !== undefined &&
      second.name in library.verbs
    )
  }
  if (library.id === 'kysely')
    return /^(?:selectFrom|insertInto|updateTable|deleteFrom)$/.test(first?.name ?? '')
  if (library.id === 'drizzle')
    return (
      /^(?:select|insert|update|delete|transaction)$/.test(first?.name ?? '') ||
      (first?.name === 'query' && first.args === undefined)
    )
  if (library.id === 'knex') return first?.name === '()' && textOf(first.args?.[0]) !== undefined
  if (library.id === 'pg')
    return (
      /^(?:query|execute)$/.test(first?.name ?? '') &&
      first?.args !== undefined &&
      sqlish(first.args[0])
    )
  return false
}

function sqlish(node: Node | undefined): boolean {
  if (node === undefined) return false
  const at = bare(node)
  const head =
    textOf(at) ??
    (is(at, 'TemplateLiteral') ? at.quasis[0]?.value.raw : undefined) ??
    textOf(propertyOf(at, 'text'))
  return /^\s*(?:select|insert|update|delete|with|begin|commit|rollback|set)\b/i.test(head ?? '')
}

function tableOf(handle: Handle, segments: readonly Segment[], verb: Segment): string | undefined {
  const { library } = handle
  const { tableIn } = library
  if (tableIn === 'member') {
    const at = segments.indexOf(verb)
    return segments[at - 1]?.args === undefined ? segments[at - 1]?.name : undefined
  }
  const named = Array.isArray(tableIn)
    ? segments.find(
        ({ name, args }) => tableIn.includes(name) && args !== undefined && args.length > 0,
      )
    : undefined
  const [argument] = named?.args ?? []
  const found =
    argument && (textOf(argument)?.split(/\s/)[0] ?? dotted(argument)?.split('.').at(-1))
  if (found !== undefined) return found
  if (library.id === 'drizzle' && segments[0]?.name === 'query') return segments[1]?.name
  const [first] = verb.args ?? []
  const entity =
    first && is(bare(first), 'Identifier') ? (bare(first) as NodeOf<'Identifier'>).name : undefined
  if (handle.table === undefined && entity !== undefined && /^[A-Z]/.test(entity)) return entity
  return handle.table
}
